# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page as a document. It is whole without its script, which only keeps it fresh."""

from __future__ import annotations

import math

from ..status import isoformat
from . import sections
from .html import Html, el
from .troubles import CRITICAL, find_troubles
from .view import AgentView
from .words import span, time_of_day

REFRESH_SECONDS = 5.0


def render(view: AgentView, refresh_seconds: float = REFRESH_SECONDS) -> str:
    """The whole page. It is refreshed by its script every so many seconds, and half as often without."""
    troubles = find_troubles(view)
    critical = any(trouble.severity == CRITICAL for trouble in troubles)
    mark = "✕ " if critical else f"({len(troubles)}) " if troubles else ""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("title", f"{mark}Sync agent on {view.host}"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("link", rel="icon", href="data:,"),
        el("link", rel="stylesheet", href="style.css"),
        el("noscript", el("meta", http_equiv="refresh", content=str(math.ceil(refresh_seconds * 2)))),
    )
    content = el(
        "div",
        sections.verdict(view, troubles),
        sections.tiles(view),
        sections.connections(view),
        sections.runs(view),
        sections.waiting(view),
        sections.held(view),
        sections.changes(view),
        sections.processes(view),
        sections.figures(view),
        id="content",
    )
    stale = el(
        "p", "The agent does not answer: what is below is old.", id="stale", class_="stale", role="alert", hidden=True
    )
    body = el(
        "body",
        el("a", "Skip to the connections", href="#connections", class_="skip"),
        _header(view),
        el("main", stale, content, class_="wide"),
        _footer(view),
        el("script", src="script.js", defer=True, data_period=f"{refresh_seconds:g}"),
    )
    return f"<!DOCTYPE html>\n{el('html', head, body, lang='en')}\n"


def _header(view: AgentView) -> Html:
    state = sections.pill(view.state, "good" if view.state == "running" else "warn")
    left = el("h1", "Sync agent ", el("small", view.host))
    taken = el("time", time_of_day(view.taken_at), datetime=isoformat(view.taken_at))
    fresh = el("div", left, state, el("span", "as of ", taken, class_="side-text"), id="head", class_="head")
    pause = el("button", "Pause refreshing", id="pause", type="button", aria_pressed="false", hidden=True)
    return el("header", el("div", fresh, el("div", pause, class_="side"), class_="wide"))


def _footer(view: AgentView) -> Html:
    parts = [f"pid {view.pid}", f"started {span(view.taken_at - view.started_at)} ago"]
    parts += [f"release {view.release}"] if view.release else []
    links = [
        el("a", text, href=href)
        for text, href in (("metrics", "metrics"), ("as JSON", "api/status"), ("health", "healthz"))
    ]
    return el(
        "footer",
        el("p", " · ".join(parts)),
        el("p", "This page only shows: ", links[0], " · ", links[1], " · ", links[2]),
        id="foot",
        class_="wide",
    )
