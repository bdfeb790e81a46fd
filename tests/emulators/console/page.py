# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Web pages for people: the objects as a tree, and one object with its fields."""

from __future__ import annotations

import html
import json

from .console import Console
from .store import StoredObject
from .web import Answer, Request, html_answer

# A tree of 100 000 models would choke a browser.
_SHOWN_BELOW_ONE = 100
_SHOWN = 2_000

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
ul { list-style: none; padding-left: 1.4rem; border-left: 1px solid #8884; }
li { margin: .15rem 0; }
small, td:first-child { color: #888; }
mark { background: #8883; color: inherit; border-radius: .3rem; padding: 0 .4rem; font-size: .85em; }
code { font-size: .85em; overflow-wrap: anywhere; }
td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
"""
_MARKED = ("MRG-Model:Status", "MRG-AIFacts-ModelUseCase:Status")
_OWNERS = ("MRG-Model:Model Owner", "MRG-ModelUseCase:Owner")
_ARN = "Integration:External ID"


def _page(title: str, body: str) -> Answer:
    return html_answer(
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def tree(console: Console, request: Request) -> Answer:
    """GET /: every object below the objects that have no parent."""
    with console.store.transaction():
        counts = console.store.rows("SELECT type, COUNT(*) FROM directory GROUP BY type ORDER BY type")
        top = console.store.rows(
            "SELECT id FROM directory d WHERE NOT EXISTS (SELECT 1 FROM association WHERE child = d.id) ORDER BY id"
        )
        numbers = ", ".join(
            f"{count} {html.escape(console.instance.types[str(key)].spec.label)}" for key, count in counts
        )
        body = _Tree(console).level([int(str(row[0])) for row in top])
    return _page("Governance console", f"<h1>Governance console</h1><p>{numbers or 'No objects yet.'}</p>{body}")


class _Tree:
    """Writes nested lists, and says where it left objects out."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._left = _SHOWN

    def level(self, ids: list[int]) -> str:
        """Return the list of some objects with everything below them."""
        store = self._console.store
        items = []
        for number in ids[:_SHOWN_BELOW_ONE]:
            stored = store.load(number) if self._left > 0 else None
            if stored is None:
                break
            self._left -= 1
            below = store.rows("SELECT child FROM association WHERE parent = ? ORDER BY child", (number,))
            items.append(f"<li>{_line(self._console, stored)}{self.level([int(str(row[0])) for row in below])}</li>")
        if len(items) < len(ids):
            items.append(f"<li><small>and {len(ids) - len(items)} more</small></li>")
        return f"<ul>{''.join(items)}</ul>" if items else ""


def _line(console: Console, stored: StoredObject) -> str:
    label = console.instance.types[stored.type_key].spec.label
    parts = [
        f'<a href="/object/{stored.id}">{html.escape(stored.name)}</a>',
        f"<small>{html.escape(label)} {stored.id}</small>",
        *(f"<mark>{html.escape(str(stored.fields[name]))}</mark>" for name in _MARKED if name in stored.fields),
        *(f"<small>{html.escape(str(stored.fields[name]))}</small>" for name in _OWNERS if name in stored.fields),
    ]
    if _ARN in stored.fields:
        parts.append(f"<code>{html.escape(str(stored.fields[_ARN]))}</code>")
    return " ".join(parts)


def one(console: Console, request: Request, object_id: str) -> Answer:
    """GET /object/{id}: the fields that have a value."""
    with console.store.transaction():
        shown = console.contents.as_json(console.contents.get(object_id), console.instance)
    rows = "".join(
        f"<tr><td>{html.escape(field['name'])}</td><td>{html.escape(_text(field['value']))}</td></tr>"
        for field in shown["fields"]
        if "value" in field
    )
    heading = html.escape(shown["name"])
    return _page(shown["name"], f'<p><a href="/">All objects</a></p><h1>{heading}</h1><table>{rows}</table>')


def _text(value: object) -> str:
    if isinstance(value, dict):
        return str(value["name"])
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)
