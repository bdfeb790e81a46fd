# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry entity and its console object as plain values, and what an operation does to each.

What the two sides do with an operation is written anew here, not borrowed from the product.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.entities import (
    LifeCycle,
    ModelCard,
    ModelPackage,
    ModelPackageGroup,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import Kind
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.plan import (
    Change,
    ConsoleRecord,
    Create,
    FieldNames,
    Operation,
    plan_entity,
    plan_gone,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.projection import (
    Projection,
    TargetFields,
    project_group,
    project_package,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.state import load_state

NAMES = FieldNames("Integration:External ID", "Integration:Additional Information")
STATUS = "MRG-Model:Status"
OWNER = "MRG-Model:Model Owner"
DETAILS = "MRG-UserFact-Model:Additional Details"

Entity = ModelPackage | ModelPackageGroup


def nothing_taken(_name: str) -> bool:
    return False


def console_after(operation: Operation, record: ConsoleRecord | None = None) -> ConsoleRecord:
    """What a console holds after the operation: fields merged, empty ones gone."""
    if isinstance(operation, Create):
        fields = dict(operation.fields)
        if operation.kind is Kind.MODEL:
            fields = {STATUS: "Proposed", **fields}  # the console's default for a new model
        base = ConsoleRecord(operation.kind, "4711", operation.name, operation.name, operation.description, None, None)
    else:
        assert record is not None
        fields = {**record.fields, **operation.fields}
        base = dataclasses.replace(record, title=operation.title, description=operation.description)
    kept = {name: value for name, value in fields.items() if value not in (None, "")}
    return dataclasses.replace(base, arn=kept[NAMES.arn], state=load_state(kept[NAMES.state]), fields=kept)


def registry_after(operation: Operation, entity: Entity) -> Entity:
    """What the registry holds after the operation; a package that was written has a later modification time."""
    if not isinstance(operation, Change) or operation.registry is None:
        return entity
    assert isinstance(entity, ModelPackage)
    change = operation.registry
    return dataclasses.replace(
        entity,
        life_cycle=change.life_cycle or entity.life_cycle,
        metadata={**entity.metadata, **change.metadata},
        last_modified_at=entity.last_modified_at + timedelta(seconds=1),
    )


def edited(record: ConsoleRecord, changes: Mapping[str, str]) -> ConsoleRecord:
    """The object after somebody typed into it; ``Description`` is the description."""
    fields = {**record.fields, **{name: value for name, value in changes.items() if name != "Description"}}
    kept = {name: value for name, value in fields.items() if value}
    return dataclasses.replace(record, fields=kept, description=changes.get("Description", record.description))


@dataclass(frozen=True)
class Sides:
    """The two sides of one entity; None: it is not there."""

    target: TargetFields
    entity: Entity | None
    record: ConsoleRecord | None = None
    owner: str = "alice"

    def projection(self) -> Projection:
        """What the console should hold."""
        assert self.entity is not None
        if isinstance(self.entity, ModelPackageGroup):
            return project_group(self.entity, self.target)
        return project_package(self.entity, self.target, self.owner)

    def plan(self) -> Operation | None:
        """What the planner says."""
        if self.entity is not None:
            return plan_entity(self.projection(), self.record, NAMES, nothing_taken)
        return None if self.record is None else plan_gone(self.record, NAMES)

    def applied(self, operation: Operation | None) -> Sides:
        """Both sides after an operation."""
        if operation is None:
            return self
        entity = None if self.entity is None else registry_after(operation, self.entity)
        return dataclasses.replace(self, entity=entity, record=console_after(operation, self.record))

    def settled(self) -> Sides:
        """Both sides after what the planner says was done."""
        return self.applied(self.plan())

    def registry(self, *, owner: str | None = None, card_status: str | None = None, **changes: Any) -> Sides:
        """Somebody changes the registry: fields of the entity; ``life_cycle`` as ``Stage/StageStatus``."""
        assert self.entity is not None
        if isinstance(changes.get("life_cycle"), str):
            changes["life_cycle"] = LifeCycle(*str(changes["life_cycle"]).split("/"))
        if card_status is not None:
            changes["card"] = ModelCard(card_status)
        if isinstance(self.entity, ModelPackage):
            changes["last_modified_at"] = self.entity.last_modified_at + timedelta(seconds=1)
        entity = dataclasses.replace(self.entity, **changes)
        return dataclasses.replace(self, entity=entity, owner=owner or self.owner)

    def console(self, **changes: str) -> Sides:
        """Somebody edits the console's object: ``status``, ``owner``, ``details``, ``description``, or `fields`."""
        assert self.record is not None
        known = {"status": STATUS, "owner": OWNER, "details": DETAILS, "description": "Description"}
        named = {known.get(name, name): value for name, value in changes.items()}
        return dataclasses.replace(self, record=edited(self.record, named))

    def deleted(self) -> Sides:
        """The entity is deleted in the registry."""
        return dataclasses.replace(self, entity=None)

    def made_again(self, entity: Entity) -> Sides:
        """An entity of the same ARN is in the registry again."""
        return dataclasses.replace(self, entity=entity)

    def forgetting(self) -> Sides:
        """The console's object loses its sync state."""
        assert self.record is not None
        fields = {name: value for name, value in self.record.fields.items() if name != NAMES.state}
        return dataclasses.replace(self, record=dataclasses.replace(self.record, state=None, fields=fields))

    def console_value(self, name: str) -> object:
        """What the console holds."""
        assert self.record is not None
        return self.record.value(name)

    @property
    def life_cycle(self) -> str:
        """The package's life cycle as ``Stage/StageStatus``."""
        assert isinstance(self.entity, ModelPackage)
        cycle = self.entity.life_cycle
        return "" if cycle is None else f"{cycle.stage}/{cycle.stage_status}"
