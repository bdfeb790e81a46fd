# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of agents for tests of what is served, and for the pictures in the documentation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Backlog, DirtyKey
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.view import (
    AgentView,
    ConnectionView,
    Requests,
    RunView,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import (
    COUNTED,
    Change,
    Distribution,
    Snapshot,
    SweepRecord,
)

NOW = 1_795_359_600.0
"""2026-11-22 15:00:00 UTC."""


def arn(group: str, version: int, account: str = "210987654321") -> str:
    """The ARN of a model package."""
    return f"arn:aws:sagemaker:eu-central-1:{account}:model-package/{group}/{version}"


def snapshot(**changes: Any) -> Snapshot:
    """A connection's counters when all has gone well."""
    spread = Distribution((812, 301, 96, 40, 12, 3, 0, 0, 0, 0, 0, 0, 0), 291.0)
    values: dict[str, Any] = {
        "counts": {
            **dict.fromkeys(COUNTED, 0),
            "received": 1284,
            "deleted": 1284,
            "touched": 1264,
            "irrelevant": 20,
            "polls": 1490,
            "poll_marked": 12,
        },
        "outcomes": {"unchanged": 903, "created": 118, "updated": 231, "decommissioned": 4},
        "moments": {
            "receive": NOW - 4,
            "success": NOW - 38,
            "full_sweep": NOW - 7300,
            "incremental_sweep": NOW - 214,
            "poll": NOW - 31,
        },
        "event_lag": 3.4,
        "last_error": None,
        "message_age": 0.0,
        "event_lags": spread,
        "key_seconds": spread,
        "work_seconds": spread,
        "changes": (
            Change(
                NOW - 415, arn("fraud-detection", 7), "created", "create model fraud-detection/7: Name, Owner, Stage"
            ),
            Change(NOW - 38, arn("credit-risk", 12), "updated", "update model credit-risk/12: Approval, Description"),
        ),
        "sweeps": {
            "full_sweep": SweepRecord(None, NOW - 7300, 41.2, 10_412, 3),
            "incremental_sweep": SweepRecord(None, NOW - 214, 1.1, 6, 6),
        },
    }
    return Snapshot(**{**values, **changes})


def connection(name: str = "payments-prod", **changes: Any) -> ConnectionView:
    """A connection that is well."""
    values: dict[str, Any] = {
        "name": name,
        "description": "",
        "account_id": "210987654321",
        "region": "eu-central-1",
        "console_url": "https://console.example.com",
        "state": "running",
        "started_at": NOW - 90_000,
        "busy": 0,
        "seen": snapshot(),
        "backlog": Backlog(0, 0, 0, None),
        "breaker": "closed",
        "requests": {"console": Requests(4210, 0, 2), "sagemaker": Requests(2891, 14, 0), "sqs": Requests(5120, 0, 1)},
    }
    return ConnectionView(**{**values, **changes})


def run(status: str = "running", **changes: Any) -> RunView:
    """A run of the existing-model sync."""
    values: dict[str, Any] = {
        "id": f"run-{status}",
        "connection": "payments-prod",
        "status": status,
        "started_at": NOW - 610,
        "updated_at": NOW - 1,
        "seconds": 610.0,
        "phase": "models",
        "phase_number": 3,
        "phases": 4,
        "done": 6210,
        "total": 10_412,
        "per_second": 11.3,
        "left_seconds": 372.0,
        "counts": {"created": 210, "updated": 31, "unchanged": 5967, "held": 0, "failed": 2},
        "error": "",
        "notes": (),
    }
    return RunView(**{**values, **changes})


def agent(**changes: Any) -> AgentView:
    """An agent with one connection, all well."""
    values: dict[str, Any] = {
        "taken_at": NOW,
        "state": "running",
        "host": "gov-agent-1",
        "pid": 4711,
        "release": "0.1.0-1c2d3e4f5a6b",
        "deployment": "8c7b6a5d4e3f2a1b",
        "started_at": NOW - 93_000,
        "workers": 8,
        "journal_rebuilds": 0,
        "connections": (connection(),),
    }
    return AgentView(**{**values, **changes})


def calm_agent() -> AgentView:
    """Three connections, nothing to do; for the pictures."""
    counts = {"created": 10_180, "updated": 232, "unchanged": 0, "held": 0, "failed": 0}
    finished = run("succeeded", seconds=803.0, started_at=NOW - 86_000, updated_at=NOW - 85_197, counts=counts)
    quiet = snapshot(changes=(), event_lag=None, outcomes={"unchanged": 12})
    claims = connection("claims-prod", account_id="456789012345", region="us-east-1", seen=quiet)
    lending = connection("lending-prod", account_id="345678901234", seen=snapshot(event_lag=1.8))
    return agent(connections=(connection(), lending, claims), runs=(finished,))


def troubled_agent() -> AgentView:
    """What an operator may find at three in the morning; for the pictures."""
    parked = DirtyKey(
        arn("credit-risk", 11, "345678901234"),
        0,
        14,
        NOW - 9200,
        NOW + 412,
        "The console refused the value of Owner: no such user.",
    )
    failing = DirtyKey(
        arn("churn", 3),
        0,
        4,
        NOW - 95,
        NOW + 11,
        "https://console.example.com did not answer within 30 s (4 attempts).",
    )
    held = (
        "held back the decommissioning of 41 models: 41 of 120 objects (34 %) are no longer in the registry; the limit "
    )
    held += "is 10 % and 10 objects"
    quiet = snapshot()
    lending = connection(
        "lending-prod",
        account_id="345678901234",
        breaker="open",
        busy=2,
        backlog=Backlog(37, 2, 1, NOW - 9200),
        waiting=(parked, failing),
        seen=snapshot(
            event_lag=6.2,
            moments={**quiet.moments, "success": NOW - 1260},
            failures={"reconcile_failures": NOW - 12},
            held=(
                Change(NOW - 5200, arn("churn", 2), "held", "both sides changed the description since the last sync"),
            ),
        ),
    )
    claims = connection(
        "claims-prod",
        account_id="456789012345",
        region="us-east-1",
        rate=4.5,
        backlog=Backlog(3, 0, 0, NOW - 2),
        seen=snapshot(
            event_lag=2.1,
            sweeps={
                "full_sweep": SweepRecord(None, NOW - 3000, 12.0, 1_204, 0, (held,)),
                "incremental_sweep": SweepRecord(NOW - 2, NOW - 602, 0.9, 2, 2),
            },
        ),
    )
    past = replace(
        run("cut_off", left_seconds=None, started_at=NOW - 90_000, seconds=120.0, done=900, counts={"created": 870}),
        connection="claims-prod",
        id="run-2",
    )
    done = replace(
        run("succeeded", started_at=NOW - 186_000, seconds=803.0, counts={"updated": 38, "unchanged": 4102}),
        connection="lending-prod",
        id="run-3",
    )
    return agent(connections=(connection(), lending, claims), runs=(run(), past, done))
