# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the status page: each makes one section of a view. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..runtime import OUTCOMES
from ..status import Change, SweepRecord, isoformat
from ..sweeps import FULL, INCREMENTAL
from ..unit import FAILING, RUNNING
from .html import Cell, Html, el, join, table
from .troubles import CRITICAL, Trouble
from .view import AgentView, ConnectionView, RunView
from .words import ago, counted, short_key, span, time_of_day

SHOWN_CHANGES = 25
SHOWN_KEYS = 50

_STATES = {RUNNING: "good", FAILING: "bad"}
_BREAKERS = {"closed": ("answers", "good"), "open": ("does not answer", "bad"), "half_open": ("is being tried", "warn")}
_RUNS = {"running": "calm", "succeeded": "good", "failed": "bad", "cut_off": "warn"}
_CHANGED = {"created": "good", "updated": "calm", "decommissioned": "warn", "held": "warn"}


def verdict(view: AgentView, troubles: Sequence[Trouble]) -> Html:
    """One sentence on how things are, and what is wrong, worst first."""
    critical = sum(trouble.severity == CRITICAL for trouble in troubles)
    if not troubles:
        css, title, text = "good", "All is well", _calm(view)
    elif critical:
        css, title = "bad", _broken(critical, len(troubles) - critical)
        text = "Changes do not get through everywhere. Nothing is lost: what waits is caught up with."
    else:
        css, title = "warn", "Something needs a look" if len(troubles) == 1 else f"{len(troubles)} things need a look"
        text = "Changes get through."
    items = [
        el("li", el("b", f"{trouble.where}: " if trouble.where else ""), trouble.what, el("span", trouble.todo),
           class_="bad" if trouble.severity == CRITICAL else "warn")
        for trouble in troubles
    ]  # fmt: skip
    listed = el("ul", *items, class_="troubles") if items else Html("")
    # Only the sentence is announced, and only when it changes; the list below it would be read out again and again.
    said = el("div", el("h2", title, id="verdict-title"), el("p", text), role="status")
    return el("section", said, listed, class_=f"verdict {css}", aria_labelledby="verdict-title")


def _broken(critical: int, others: int) -> str:
    worst = "1 thing is broken" if critical == 1 else f"{critical} things are broken"
    if not others:
        return worst
    return f"{worst}, {'1 more needs' if others == 1 else f'{others} more need'} a look"


def _calm(view: AgentView) -> str:
    if not view.connections:
        return "There is no connection to work on yet."
    dirty = sum(connection.backlog.dirty for connection in view.connections)
    return f"{counted(dirty, 'key')} being worked on." if dirty else "Nothing waits."


def tiles(view: AgentView) -> Html:
    """The four figures that one looks for first."""
    connections, now = view.connections, view.taken_at
    running = sum(connection.state == RUNNING for connection in connections)
    dirty = sum(connection.backlog.dirty for connection in connections)
    oldest = min((c.backlog.oldest for c in connections if c.backlog.oldest is not None), default=None)
    lags = [connection.seen.event_lag for connection in connections if connection.seen.event_lag is not None]
    changes = [connection.seen.changes[-1].at for connection in connections if connection.seen.changes]
    return el(
        "dl",
        _tile("Connections running", f"{running} of {len(connections)}", f"{view.workers} workers"),
        _tile("Keys waiting", f"{dirty:,}", f"the oldest for {span(now - oldest)}" if oldest is not None else "none"),
        _tile("Event lag", span(max(lags)) if lags else "–", "from registry to agent, last event"),
        _tile("Last change", ago(max(changes), now) if changes else "none yet", "written since the start"),
        class_="tiles",
    )


def _tile(name: str, value: str, remark: str) -> Html:
    return el("div", el("dt", name), el("dd", value, el("small", remark)))


def connections(view: AgentView) -> Html:
    """Every connection with its state, backlog, lag and last success."""
    columns = ("Connection", "State", "Keys waiting", "Event lag", "Last success", "Queue answered", "Console")
    rows = [(f"connection-{it.name}", _connection(it, view.taken_at)) for it in view.connections]
    empty = "No connection is enabled. Save one with the module governance_connection."
    remark = f"standing by for {', '.join(view.standby)}" if view.standby else ""
    return section("connections", "Connections", _table_or(empty, "Connections", columns, rows), remark)


def _connection(it: ConnectionView, now: float) -> list[Cell]:
    backlog, seen = it.backlog, it.seen
    parts = [
        f"{backlog.failing:,} failing" if backlog.failing else "",
        f"{backlog.parked:,} parked" if backlog.parked else "",
    ]
    answer, css = _BREAKERS.get(it.breaker, ("not known yet", "calm"))
    limited = el("small", f"limited to {it.rate:.1f} calls a second") if it.rate is not None else ""
    return [
        Cell(join([it.name, el("small", f"{it.account_id} · {it.region}")])),
        Cell(pill(it.state, _STATES.get(it.state, "calm"))),
        Cell(join([f"{backlog.dirty:,}", *(el("small", part) for part in parts if part)])),
        Cell("–" if seen.event_lag is None else span(seen.event_lag)),
        Cell(moment(seen.moments.get("success"), now)),
        Cell(moment(seen.moments.get("receive"), now)),
        Cell(join([pill(answer, css), limited])),
    ]


def processes(view: AgentView) -> Html:
    """What goes on in the background for each connection."""
    rows = [("process-workers", _workers(view))]
    for it in view.connections:
        rows.append((f"process-{it.name}-events", _events(it, view)))
        kinds = [FULL, INCREMENTAL, *sorted(set(it.seen.sweeps) - {FULL, INCREMENTAL})]
        rows += [(f"process-{it.name}-{kind}", _sweep(it, kind, view)) for kind in kinds]
        if it.seen.counts["polls"] or it.seen.counts["poll_failures"]:
            rows.append((f"process-{it.name}-polling", _polling(it, view)))
    columns = ("Process", "State", "Last done", "Result")
    return section("processes", "Background processes", card(table("Background processes", columns, rows)))


def _workers(view: AgentView) -> list[Cell]:
    busy = sum(connection.busy for connection in view.connections)
    late = _late(view, "worker:")
    attempts = sum(sum(c.seen.outcomes.values()) + c.seen.counts["reconcile_failures"] for c in view.connections)
    done = [c.seen.moments["success"] for c in view.connections if "success" in c.seen.moments]
    return [
        Cell(join(["Workers", el("small", "of all connections")])),
        Cell(late or pill(f"{busy} of {view.workers} busy", "calm")),
        Cell(moment(max(done, default=None), view.taken_at)),
        Cell(f"{attempts:,} attempts since the start", "text"),
    ]


def _events(it: ConnectionView, view: AgentView) -> list[Cell]:
    counts = it.seen.counts
    names = (("touched", "of the registry"), ("irrelevant", "ignored"), ("undecodable", "unreadable"))
    parts = [f"{counts['received']:,} received", *(f"{counts[name]:,} {text}" for name, text in names if counts[name])]
    return [
        Cell(join(["Event sync", el("small", it.name)])),
        Cell(_late(view, f"intake:{it.name}") or pill(*_listening(it))),
        Cell(moment(it.seen.moments.get("receive"), view.taken_at)),
        Cell(", ".join(parts), "text"),
    ]


def _listening(it: ConnectionView) -> tuple[str, str]:
    if it.state != RUNNING:
        return "not running", _STATES.get(it.state, "calm")
    if it.is_paused:
        return "paused: too many keys", "bad"
    failed = it.seen.failures.get("queue_errors", 0.0) > it.seen.moments.get("receive", 0.0)
    return ("the queue fails", "bad") if failed else ("listening", "good")


def _polling(it: ConnectionView, view: AgentView) -> list[Cell]:
    counts, answered_at = it.seen.counts, it.seen.moments.get("poll")
    if it.state != RUNNING:
        state = pill("not running", _STATES.get(it.state, "calm"))
    else:
        failed = it.seen.failures.get("poll_failures", 0.0) > (answered_at or 0.0)
        state = pill("failing", "warn") if failed else pill("polling", "good")
    return [
        Cell(join(["Console polling", el("small", it.name)])),
        Cell(_late(view, f"polling:{it.name}") or state),
        Cell(moment(answered_at, view.taken_at)),
        Cell(f"{counts['polls']:,} times, {counts['poll_marked']:,} keys marked", "text"),
    ]


def _sweep(it: ConnectionView, kind: str, view: AgentView) -> list[Cell]:
    record = it.seen.sweeps.get(kind, SweepRecord())
    if record.began_at is not None:
        state = pill(f"running for {span(view.taken_at - record.began_at)}", "calm")
    else:
        state = pill("waiting", "calm") if it.state == RUNNING else pill("not running", _STATES.get(it.state, "calm"))
    done = f"{record.listed:,} looked at, {record.marked:,} marked, took {span(record.seconds)}"
    return [
        Cell(join([kind.replace("_", " ").capitalize(), el("small", it.name)])),
        Cell(_late(view, f"sweeps:{it.name}") or state),
        Cell(moment(record.ended_at, view.taken_at)),
        Cell(done if record.ended_at is not None else "–", "text"),
    ]


def _late(view: AgentView, thread: str) -> Html | None:
    late = [seconds for name, seconds in view.late.items() if name.startswith(thread)]
    return pill(f"stuck, late by {span(max(late))}", "bad") if late else None


def runs(view: AgentView) -> Html:
    """The SageMaker sync table: running and past runs of the existing-model sync."""
    columns = ("Connection", "State", "Progress", "Changes", "Started", "Took")
    rows = [(f"run-{run.id}", _run(run, view.taken_at)) for run in view.runs]
    empty = "The existing-model sync has not been run with this state directory."
    return section("runs", "SageMaker sync", _table_or(empty, "Runs of the existing-model sync", columns, rows))


def _run(run: RunView, now: float) -> list[Cell]:
    counts = [
        f"{count:,} {name.replace('_', ' ')}" for name, count in run.counts.items() if count and name != "unchanged"
    ]
    changes = join([", ".join(counts) or "none", el("small", run.error) if run.error else ""])
    return [
        Cell(run.connection, "brief"),
        Cell(pill(run.status.replace("_", " "), _RUNS.get(run.status, "calm"))),
        Cell(_progress(run)),
        Cell(changes, "text"),
        Cell(moment(run.started_at, now)),
        Cell(span(run.seconds), "brief"),
    ]


def _progress(run: RunView) -> Html:
    if run.status == "succeeded":
        return join(
            [
                progress_bar(f"Run of {run.connection}", 1, 1, "good"),
                el("small", f"{sum(run.counts.values()):,} looked at"),
            ]
        )
    phase = f"{run.phase} (phase {run.phase_number} of {run.phases})" if run.phase else "beginning"
    far = f"{run.done:,} of {run.total:,}" if run.total is not None else f"{run.done:,}"
    parts = [phase, far, f"{run.per_second:,.1f} a second" if run.status == "running" and run.per_second else ""]
    left = f"about {span(run.left_seconds)} left in this phase" if run.left_seconds is not None else ""
    shown = progress_bar(
        f"Run of {run.connection}, {run.phase}", run.done, run.total, "bad" if run.status != "running" else None
    )
    return join([shown, el("small", " · ".join(part for part in (*parts, left) if part))])


def progress_bar(name: str, done: int, total: int | None, css: str | None = None) -> Html:
    """A progress bar; without a total it only says that something goes on."""
    if not total:
        return el("progress", "under way", aria_label=name, class_=css)
    share = f"{min(100.0, 100 * done / total):.0f}"
    return el("progress", f"{share} %", value=share, max="100", aria_label=name, class_=css)


def waiting(view: AgentView) -> Html:
    """Keys that have failed, those that are parked first, with the reason."""
    keys = [(it, key) for it in view.connections for key in it.waiting]
    keys.sort(key=lambda pair: -pair[1].attempts)
    now = view.taken_at
    rows = [
        (
            f"key-{it.name}-{key.key}",
            [
                Cell(join([short_key(key.key), el("small", key.key)])),
                Cell(it.name, "brief"),
                Cell(pill("parked", "warn") if key.parked else pill("failing", "calm")),
                Cell(f"{key.attempts:,}", "number"),
                Cell(moment(key.dirty_since, now)),
                Cell("now" if key.not_before <= now else f"in {span(key.not_before - now)}", "brief"),
                Cell(key.error, "text"),
            ],
        )
        for it, key in keys[:SHOWN_KEYS]
    ]
    columns = ("Key", "Connection", "State", "Failures", "Waits since", "Next try", "Reason")
    total = sum(it.backlog.failing for it in view.connections)
    more = f"the worst {len(rows):,} of {total:,}" if total > len(rows) else ""
    return section("waiting", "Waiting keys", _table_or("No key has failed.", "Waiting keys", columns, rows), more)


def held(view: AgentView) -> Html:
    """What the guard or the planner leaves to a person."""
    now = view.taken_at
    rows = []
    for it in view.connections:
        for kind, record in sorted(it.seen.sweeps.items()):
            for number, sentence in enumerate(record.held_back):
                what = f"{sentence[:1].upper()}{sentence[1:]}."
                cells = [Cell(what, "text"), Cell(it.name, "brief"), Cell(moment(record.ended_at, now)), Cell("guard")]
                rows.append((f"held-{it.name}-{kind}-{number}", cells))
        for change in reversed(it.seen.held[-SHOWN_CHANGES:]):
            what = join([short_key(change.key), el("small", change.detail or change.key)])
            cells = [Cell(what, "text"), Cell(it.name, "brief"), Cell(moment(change.at, now)), Cell("planner")]
            rows.append((f"held-{it.name}-{change.at}-{change.key}", cells))
    columns = ("What", "Connection", "When", "By")
    return section("held", "Held back", _table_or("Nothing is held back.", "Held back", columns, rows))


def changes(view: AgentView) -> Html:
    """What was written lately, newest first."""
    found = [(it.name, change) for it in view.connections for change in it.seen.changes]
    found.sort(key=lambda pair: -pair[1].at)
    rows = [
        (f"change-{name}-{change.at}-{change.key}", _change(name, change, view.taken_at))
        for name, change in found[:SHOWN_CHANGES]
    ]
    columns = ("Key", "What", "When", "Details")
    empty = "Nothing has been written since the agent's start."
    return section("changes", "Recent changes", _table_or(empty, "Recent changes", columns, rows))


def _change(name: str, change: Change, now: float) -> list[Cell]:
    return [
        Cell(join([el("span", short_key(change.key), title=change.key), el("small", name)])),
        Cell(pill(change.status, _CHANGED.get(change.status, "calm"))),
        Cell(moment(change.at, now)),
        Cell(change.detail or "–", "text"),
    ]


def figures(view: AgentView) -> Html:
    """Requests by service and keys by outcome, folded away."""
    requests = [
        (
            f"requests-{it.name}-{service}",
            [
                Cell(service),
                Cell(it.name),
                Cell(f"{count.sent:,}", "number"),
                Cell(f"{count.throttled:,}", "number"),
                Cell(f"{count.failed:,}", "number"),
            ],
        )
        for it in view.connections
        for service, count in sorted(it.requests.items())
    ]
    outcomes = [
        (
            f"outcomes-{it.name}",
            [Cell(it.name), *(Cell(f"{it.seen.outcomes.get(outcome, 0):,}", "number") for outcome in OUTCOMES)],
        )
        for it in view.connections
    ]
    sent = ("Service", "Connection", "Sent", "Throttled", "Failed")
    return el(
        "section",
        el(
            "details",
            el("summary", "Requests and outcomes since the start"),
            _table_or("No request has been sent.", "Requests by service", sent, requests),
            el("p", ""),
            _table_or(
                "No key yet.", "Keys by outcome", ("Connection", *(name.capitalize() for name in OUTCOMES)), outcomes
            ),
        ),
        aria_label="Figures",
    )


def section(name: str, title: str, content: Html, remark: str = "") -> Html:
    """A section with a heading that names it."""
    heading = el("h2", title, el("small", f" · {remark}") if remark else "", id=f"{name}-title")
    return el("section", heading, content, id=name, aria_labelledby=f"{name}-title")


def card(content: Html) -> Html:
    """The frame around a table."""
    return el("div", content, class_="card")


def _table_or(empty: str, caption: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[Cell]]]) -> Html:
    found = list(rows)
    return card(table(caption, columns, found) if found else el("p", empty, class_="empty"))


def pill(text: str, css: str) -> Html:
    """A word on a coloured ground: good, warn, bad or calm."""
    return el("span", text, class_=f"pill {css}")


def moment(at: float | None, now: float) -> Html:
    """How long ago something was, with the exact time for those who point at it."""
    if at is None:
        return Html("never")
    return el("time", ago(at, now), datetime=isoformat(at), title=time_of_day(at))
