# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies the planner's operations: the one place that writes to models and model groups, on either side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from ..connection.model import Connection
from ..console.client import ConsoleClient
from ..console.errors import RefusedError
from ..console.objects import NewObject, ObjectChange, Scalar
from ..registry.arn import group_key
from ..registry.writer import RegistryWriter
from .console_reader import ConsoleReader
from .creation import create_ours
from .errors import ParentMissingError
from .mapping import Kind
from .metrics import MetricWrite, metric_name, plan_metrics
from .model_card import Metric
from .plan import Change, Create, Operation, RegistryChange, plan_creation
from .projection import Projection


class GroupIds:
    """Console ids of model groups by group name, so that a new model finds its parent without a query. Thread-safe."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._lock = threading.Lock()

    def get(self, group_name: str) -> str | None:
        """Return the group's console id where it is known."""
        with self._lock:
            return self._ids.get(group_key(group_name))

    def put(self, group_name: str, object_id: str) -> None:
        """Remember the group's console id."""
        with self._lock:
            self._ids[group_key(group_name)] = object_id

    def forget(self, group_name: str) -> None:
        """Forget a group, after the console refused it as a parent."""
        with self._lock:
            self._ids.pop(group_key(group_name), None)


class Applier:
    """Carries out operations of the planner. Safe for several threads.

    `project_group` reads a group from the registry and returns its projection, or None where there is none: a model
    whose group the console does not have yet brings it along.
    """

    def __init__(
        self,
        client: ConsoleClient,
        reader: ConsoleReader,
        connection: Connection,
        groups: GroupIds,
        writer: RegistryWriter,
        project_group: Callable[[str], Projection | None],
    ) -> None:
        self._client = client
        self._reader = reader
        self._entity_id = connection.business_entity_id
        self._writer = writer
        self._project_group = project_group
        self.groups = groups
        self.group_turn = threading.RLock()
        """Held while a single group is looked up and made, so that two packages of a new one do not both bring it."""

    def apply(self, operation: Operation) -> str:
        """Carry out one operation (1 write on each side that it changes) and return the console object's id.

        Raises ParentMissingError for a model whose group the registry does not have either, SyncError when the console
        answers with a foreign object, and the errors of both sides.
        """
        if isinstance(operation, Change):
            return self._change(operation)
        object_id = self._create(operation)
        if operation.kind is Kind.GROUP:
            self.groups.put(operation.arn.rsplit("/", 1)[-1], object_id)
        return object_id

    def _create(self, operation: Create) -> str:
        names = self._reader.names
        fields: Mapping[str, Scalar] = operation.fields
        if operation.interim_state is not None:
            fields = {**fields, names.state: operation.interim_state}
        new = NewObject(
            type_name=self._reader.targets[operation.kind].type_name,
            name=operation.name,
            title=operation.name,
            description=operation.description,
            primary_parent_id=self._parent_id(operation),
            fields=fields,
        )
        object_id = self._created(operation, new)
        if operation.metrics:
            self._write_metrics(operation.arn, object_id, operation.metrics)
            state = {names.state: operation.fields[names.state]}
            self._client.update_object(
                object_id, ObjectChange(new.type_name, new.name, new.title, new.description, state)
            )
        return object_id

    def _created(self, operation: Create, new: NewObject) -> str:
        try:
            return create_ours(self._client, self._reader, operation.kind, operation.arn, new)
        except RefusedError:
            if operation.group_name is not None:
                self.groups.forget(operation.group_name)  # deleted by hand in the console? Look next time
            raise

    def _parent_id(self, operation: Create) -> str:
        if operation.group_name is None:
            return self._entity_id
        return self.groups.get(operation.group_name) or self._bring_group(operation.group_name)

    def _bring_group(self, group_name: str) -> str:
        """Return the id of a package's group, made if need be: its own event or listing may be late, or lost."""
        with self.group_turn:
            known = self.groups.get(group_name)
            if known is not None:
                return known
            projection = self._project_group(group_name)
            if projection is None:
                raise ParentMissingError(f"The model package group {group_name} is not in the registry (any more).")
            record, taken = self._reader.find(Kind.GROUP, projection.arn, projection.name)
            if record is None:
                return self.apply(plan_creation(projection, self._reader.names, lambda name: name.lower() in taken))
            self.groups.put(group_name, record.id)
            return record.id

    def _change(self, operation: Change) -> str:
        if operation.registry is not None:
            self._write_registry(operation.arn, operation.registry)
        if operation.metrics:
            self._write_metrics(operation.arn, operation.object_id, operation.metrics)
        change = ObjectChange(
            type_name=self._reader.targets[operation.kind].type_name,
            name=operation.name,
            title=operation.title,
            description=operation.description,
            fields=operation.fields,
        )
        return self._client.update_object(operation.object_id, change).id

    def _write_registry(self, arn: str, change: RegistryChange) -> None:
        self._writer.update_package(
            arn, life_cycle=change.life_cycle, metadata=change.metadata or None, client_token=change.token
        )

    def _write_metrics(self, arn: str, model_id: str, metrics: tuple[Metric, ...]) -> None:
        """Bring the metric objects of a model in line (1 query for every 50, 1 write a difference)."""
        settings = self._reader.table.metrics
        if settings is None:
            return
        present = self._reader.metric_objects(settings, [metric_name(arn, metric) for metric in metrics])
        for write in plan_metrics(arn, metrics, present):
            self._write_metric(settings.type_name, {settings.value_field: write.value}, write, model_id)

    def _write_metric(self, type_name: str, fields: Mapping[str, Scalar], write: MetricWrite, model_id: str) -> None:
        if write.object_id is None:
            self._client.create_object(
                NewObject(type_name, write.name, write.title, write.description, model_id, fields)
            )
        else:
            change = ObjectChange(type_name, write.name, write.title, write.description, fields)
            self._client.update_object(write.object_id, change)
