# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workflows: definitions, instances that creating an object starts, and their transitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import catalogue
from .errors import bad_request, not_found
from .instance import Instance
from .store import Store, StoredObject
from .users import User


@dataclass(frozen=True, slots=True)
class Transition:
    """A way from one stage to the next. ``sets`` are field values that taking it writes."""

    name: str
    target: str
    sets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow definition that starts with the creation of an object. ``stages`` maps a stage to its transitions."""

    name: str
    type_key: str
    stages: Mapping[str, tuple[Transition, ...]]

    @property
    def first(self) -> str:
        """The stage in which an instance begins."""
        return next(iter(self.stages))


_STATUS = "MRG-AIFacts-ModelUseCase:Status"
_REJECT = Transition("Reject use case", "Rejected", ((_STATUS, "Rejected"),))
_RETURN = Transition("Return to owner", "Use Case Data Gathering", ((_STATUS, "Proposed"),))

DEFINITIONS = (
    Workflow(
        "Use Case Request",
        catalogue.USE_CASE,
        {
            "Use Case Data Gathering": (
                Transition(
                    "Submit for initial approval", "Initial Approval", ((_STATUS, "Awaiting Use Case Approval"),)
                ),
            ),
            "Initial Approval": (Transition("Submit for stakeholder review", "Stakeholder Review"), _REJECT, _RETURN),
            "Stakeholder Review": (
                Transition("Approve use case", "Approved", ((_STATUS, "Approved for Development"),)),
                _REJECT,
                _RETURN,
            ),
        },
    ),
    Workflow(
        "Model Candidate",
        catalogue.MODEL,
        {
            "Propose Candidate": (
                Transition(
                    "Submit for confirmation",
                    "Confirm Candidate",
                    (("MRG-Model:Candidate Status", "Candidate- Awaiting Confirmation"),),
                ),
            ),
            "Confirm Candidate": (
                Transition("Confirm", "Confirmed", (("MRG-Model:Candidate Status", "Confirmed"),)),
                Transition("Reject", "Rejected", (("MRG-Model:Candidate Status", "Rejected"),)),
            ),
        },
    ),
)


class Workflows:
    """The workflow instances of a store. Use inside a transaction of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def started(self, new: StoredObject, user: User, now: str) -> None:
        """Start the workflow of a new object's type, if it has one."""
        for workflow in DEFINITIONS:
            if workflow.type_key == new.type_key:
                self._store.execute(
                    "INSERT INTO workflow (object, type, definition, stage, assignee, started)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (new.id, new.type_key, workflow.name, workflow.first, user.user_name, now),
                )

    def definitions(self, object_type: str | None, instance: Instance) -> dict[str, Any]:
        """Return the answer of GET /workflows/definitions. Raises ApiError (400)."""
        wanted = instance.resolve(object_type).key if object_type else None
        return {
            "definitions": [
                _definition(workflow, instance) for workflow in DEFINITIONS if wanted in (None, workflow.type_key)
            ]
        }

    def definition(self, workflow_id: str, instance: Instance) -> dict[str, Any]:
        """Return one definition. Raises ApiError (404)."""
        for workflow in DEFINITIONS:
            if _definition_id(workflow, instance) == workflow_id:
                return _definition(workflow, instance)
        raise not_found("Workflow definition")

    def search(self, arguments: Mapping[str, str], instance: Instance) -> dict[str, Any]:
        """Return the answer of GET /workflows/instances/search, whose offset begins at 1. Raises ApiError (400).

        Known arguments: type_definition, workflow, user_role (only assignee), user, limit, offset.
        """
        conditions, values = ["1"], []
        if arguments.get("type_definition"):
            conditions.append("w.type = ?")
            values.append(instance.resolve(arguments["type_definition"]).key)
        if arguments.get("workflow"):
            conditions.append("w.definition = ?")
            values.append(str(self.definition(arguments["workflow"], instance)["name"]))
        if arguments.get("user"):
            if arguments.get("user_role", "assignee") != "assignee":
                raise bad_request("user_role takes assignee")
            conditions.append("w.assignee = ?")
            values.append(arguments["user"])
        where = " AND ".join(conditions)
        limit, offset = _positive(arguments, "limit", 50), _positive(arguments, "offset", 1)
        total = self._store.rows(f"SELECT COUNT(*) FROM workflow w WHERE {where}", values)[0][0]
        rows = self._store.rows(
            "SELECT w.id, w.object, w.type, w.definition, w.stage, w.assignee, w.started, d.path FROM workflow w"
            f" JOIN directory d ON d.id = w.object WHERE {where} ORDER BY w.id LIMIT ? OFFSET ?",
            [*values, limit, offset - 1],
        )
        return {
            "activity_instances": [_instance([str(cell) for cell in row], instance) for row in rows],
            "paging": {"total_count": total, "offset": offset, "limit": limit},
        }

    def transition(self, instance_id: str, name: str) -> tuple[int, Transition]:
        """Take a transition; return the id of the instance's object and the transition. Raises ApiError (400, 404)."""
        rows = self._store.rows("SELECT object, definition, stage FROM workflow WHERE id = ?", (instance_id,))
        if not rows:
            raise not_found("Workflow instance")
        object_id, definition, stage = rows[0]
        workflow = next(workflow for workflow in DEFINITIONS if workflow.name == definition)
        for transition in workflow.stages.get(str(stage), ()):
            if transition.name == name:
                self._store.execute("UPDATE workflow SET stage = ? WHERE id = ?", (transition.target, instance_id))
                return int(str(object_id)), transition
        raise bad_request(f"Stage {stage} of {definition} has no transition {name[:100]!r}")


def _positive(arguments: Mapping[str, str], name: str, default: int) -> int:
    text = arguments.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text[:12]) < 10**9:
        raise bad_request(f"{name} takes a number of 1 or more, not {text[:100]!r}")
    return int(text)


def _definition_id(workflow: Workflow, instance: Instance) -> str:
    return str(instance.workflow_ids[DEFINITIONS.index(workflow)])


def _definition(workflow: Workflow, instance: Instance) -> dict[str, Any]:
    number = _definition_id(workflow, instance)
    stages = [
        *workflow.stages,
        *sorted({t.target for ts in workflow.stages.values() for t in ts} - set(workflow.stages)),
    ]
    return {
        "id": number,
        "name": workflow.name,
        "label": workflow.name,
        "version_id": f"{number}1",
        "type_definition_name": instance.types[workflow.type_key].name,
        "type": "create",
        "version_number": "1",
        "state": "published",
        "is_automated": False,
        "is_enabled": True,
        "activities": [
            {
                "id": f"{number}{10 + position}",
                "name": stage,
                "label": stage,
                "type": "node" if stage in workflow.stages else "end",
                "access_type": "open",
                "transitions": [
                    {"name": t.name, "label": t.name, "target": t.target} for t in workflow.stages.get(stage, ())
                ],
            }
            for position, stage in enumerate(stages)
        ],
    }


def _instance(row: list[str], instance: Instance) -> dict[str, Any]:
    number, object_id, type_key, definition, stage, assignee, started, path = row
    object_type = instance.types[type_key]
    workflow = next(workflow for workflow in DEFINITIONS if workflow.name == definition)
    shape = _definition(workflow, instance)
    activity = next(activity for activity in shape["activities"] if activity["name"] == stage)
    year, month, day = started[:10].split("-")
    return {
        "id": number,
        "status": stage,
        "criticality": "medium",
        "due_date": "",
        "assignees": [assignee],
        "process_start_date": f"{int(month)}/{int(day)}/{year}",
        "process_due_date": "",
        "grc_object": {
            "id": object_id,
            "name": path.rpartition("/")[2].removesuffix(".txt"),
            "path": path,
            "type_definition": {"id": object_type.id, "name": object_type.name, "label": object_type.spec.label},
        },
        "workflow": {
            "id": shape["id"],
            "name": definition,
            "label": definition,
            "version": shape["version_number"],
            "activity": {key: activity[key] for key in ("id", "name", "label")},
        },
    }
