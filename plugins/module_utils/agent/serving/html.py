# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML from elements: text is escaped because it is not `Html`, so nothing can be forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

VOID = frozenset({"link", "meta", "br"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def el(tag: str, *children: str, **attributes: str | bool | None) -> Html:
    """An element. Children that are not `Html` are escaped; ``class_`` is class, and other underscores are hyphens.

    An attribute that is True has no value; one that is False or None is left out.
    """
    given = "".join(_attribute(name, value) for name, value in attributes.items())
    opening = f"<{tag}{given}>"
    return Html(opening if tag in VOID else f"{opening}{join(children)}</{tag}>")


def join(children: Iterable[str]) -> Html:
    """Elements and texts one after the other."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def _attribute(name: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    shown = name.rstrip("_").replace("_", "-")
    return f" {shown}" if value is True else f' {shown}="{escape(value)}"'


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table; ``css`` is a class: number, text (long) or brief (on one line)."""

    content: Html | str
    css: str | None = None


def table(caption: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[Cell]]]) -> Html:
    """A table with a hidden caption. A row is its id and its cells, the first of which names it.

    Narrow screens show each row as a card with the columns' names beside the values; that takes the elements' own
    roles away, so they are given here.
    """
    head = [el("th", name, scope="col", role="columnheader") for name in columns]
    body = [el("tr", *_cells(columns, cells), id=row_id, role="row") for row_id, cells in rows]
    return el(
        "table",
        el("caption", caption, class_="hidden"),
        el("thead", el("tr", *head, role="row"), role="rowgroup"),
        el("tbody", *body, role="rowgroup"),
        role="table",
    )


def _cells(columns: Sequence[str], cells: Sequence[Cell]) -> list[Html]:
    first, *others = cells
    return [
        el("th", first.content, scope="row", role="rowheader", class_=first.css),
        *(
            el("td", el("div", cell.content), role="cell", class_=cell.css, data_label=name)
            for name, cell in zip(columns[1:], others, strict=True)
        ),
    ]
