# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the console in line with one registry entity: what an event leads to."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ..console.errors import RefusedError
from ..registry.arn import parse_arn
from ..registry.client import RegistryClient
from ..registry.entities import ModelPackageGroup
from .apply import Applier
from .comparison import Projector
from .console_reader import ConsoleReader
from .errors import ParentMissingError
from .mapping import Kind
from .plan import Create, Operation, plan_entity, plan_gone
from .projection import Projection

UNSETTLED = frozenset({"Pending", "InProgress", "Deleting"})
"""Values of ModelPackageStatus that change without a call that CloudTrail would record."""

RECHECK_SECONDS = 20.0

_STATUS = {"create": "created", "update": "updated", "restore": "updated", "decommission": "decommissioned"}


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one reconciliation did: ``unchanged``, ``created``, ``updated``, ``decommissioned`` or ``ignored``.

    ``recheck_after`` (seconds) asks for another look, for a package whose own status is still moving.
    """

    status: str
    detail: str = ""
    recheck_after: float | None = None


class KeyReconciler:
    """Reads one entity on both sides, plans, applies. Safe for several threads as long as no two have the same key.

    A change of a known package costs 1 Describe, 1 query, and 1 write if there is a difference.
    """

    def __init__(self, registry: RegistryClient, reader: ConsoleReader, projector: Projector, applier: Applier) -> None:
        self._registry = registry
        self._reader = reader
        self._projector = projector
        self._applier = applier
        self._groups_lock = threading.Lock()  # two packages of a new group must not both bring it along

    def reconcile(self, key: str) -> Reconciled:
        """Compare and act for the ARN `key`. Raises the errors of registry, console and sync: try again later."""
        if parse_arn(key).is_group:
            with self._groups_lock:
                group = self._registry.describe_group(key)
                return self._gone(Kind.GROUP, key) if group is None else self._group(group)
        package = self._registry.describe_package(key)
        if package is None:
            return self._gone(Kind.MODEL, key)
        recheck = RECHECK_SECONDS if package.status in UNSETTLED else None
        return self._entity(self._projector.package(package), recheck)

    def _group(self, group: ModelPackageGroup) -> Reconciled:
        return self._entity(self._projector.group(group), None)

    def _entity(self, projection: Projection, recheck_after: float | None) -> Reconciled:
        record, taken = self._reader.find(projection.kind, projection.arn, projection.name)
        operation = plan_entity(projection, record, self._reader.names, lambda name: name.lower() in taken)
        if projection.kind is Kind.GROUP and record is not None:
            self._applier.groups.put(projection.name, record.id)
        if operation is None:
            return Reconciled("unchanged", recheck_after=recheck_after)
        self._apply(operation)
        return Reconciled(_STATUS[operation.action], _sentence(operation), recheck_after)

    def _gone(self, kind: Kind, arn: str) -> Reconciled:
        record, _taken = self._reader.find(kind, arn)
        if record is None:
            return Reconciled("ignored", "neither the registry nor the console has it")
        operation = plan_gone(record, self._reader.names)
        if operation is None:
            return Reconciled("unchanged")
        self._applier.apply(operation)
        return Reconciled("decommissioned", _sentence(operation))

    def _apply(self, operation: Operation) -> None:
        group_name = operation.group_name if isinstance(operation, Create) else None
        if group_name is not None and self._applier.groups.get(group_name) is None:
            self._bring_group(group_name)
        try:
            self._applier.apply(operation)
        except RefusedError:
            if group_name is not None:
                self._applier.groups.forget(group_name)  # deleted by hand in the console? Look next time
            raise

    def _bring_group(self, group_name: str) -> None:
        """Make sure that a package's group is in the console (its own event may be late, or lost)."""
        with self._groups_lock:
            if self._applier.groups.get(group_name) is not None:
                return
            group = self._registry.describe_group(group_name)
            if group is None:
                raise ParentMissingError(f"The model package group {group_name} is not in the registry (any more).")
            self._group(group)


def _sentence(operation: Operation) -> str:
    fields = ", ".join(sorted(operation.after))
    return f"{operation.action} {operation.kind.value} {operation.name}: {fields}"
