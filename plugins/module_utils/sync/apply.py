# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies operations to the console: the one place that writes there."""

from __future__ import annotations

import threading

from ..connection.model import Connection
from ..console.client import ConsoleClient
from ..console.errors import UnknownOutcomeError
from ..console.objects import ConsoleObject, NewObject, ObjectChange
from ..registry.arn import group_key
from .console_reader import ConsoleReader
from .errors import ParentMissingError, SyncError
from .mapping import Kind
from .plan import Change, Create, Operation


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
    """Carries out operations of the planner. Safe for several threads."""

    def __init__(self, client: ConsoleClient, reader: ConsoleReader, connection: Connection, groups: GroupIds) -> None:
        self._client = client
        self._reader = reader
        self._entity_id = connection.business_entity_id
        self.groups = groups

    def apply(self, operation: Operation) -> str:
        """Carry out one operation (1 write) and return the object's id.

        Raises ParentMissingError for a model whose group has no known id, SyncError when the console answers with a
        foreign object, and the console's errors.
        """
        if not isinstance(operation, Create):
            return self._change(operation)
        object_id = self._create(operation)
        if operation.kind is Kind.GROUP:
            self.groups.put(operation.arn.rsplit("/", 1)[-1], object_id)
        return object_id

    def _create(self, operation: Create) -> str:
        new = NewObject(
            type_name=self._reader.targets[operation.kind].type_name,
            name=operation.name,
            title=operation.name,
            description=operation.description,
            primary_parent_id=self._parent_id(operation),
            fields=operation.fields,
        )
        try:
            created = self._client.create_object(new)
        except UnknownOutcomeError:
            # The answer was lost, the object may be there: its ARN tells. If it is not, the request is safe to repeat.
            record, _taken = self._reader.find(operation.kind, operation.arn)
            if record is not None:
                return record.id
            created = self._client.create_object(new)
        self._require_ours(operation, created)
        return created.id

    def _parent_id(self, operation: Create) -> str:
        if operation.group_name is None:
            return self._entity_id
        parent = self.groups.get(operation.group_name)
        if parent is None:
            raise ParentMissingError(
                f"The model group {operation.group_name} of {operation.arn} is not in the console yet."
            )
        return parent

    def _require_ours(self, operation: Create, created: ConsoleObject) -> None:
        arn = created.fields.get(self._reader.names.arn)
        if arn != operation.arn:
            raise SyncError(
                f"The console answered the creation of {operation.name!r} with object {created.id}, whose "
                f"{self._reader.names.arn} is {arn!r} and not {operation.arn!r}. Look at that object first."
            )

    def _change(self, operation: Change) -> str:
        change = ObjectChange(
            type_name=self._reader.targets[operation.kind].type_name,
            name=operation.name,
            title=operation.title,
            description=operation.description,
            fields=operation.fields,
        )
        return self._client.update_object(operation.object_id, change).id
