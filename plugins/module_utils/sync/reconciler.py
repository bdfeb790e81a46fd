# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings both sides in line for one registry entity: what an event leads to."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ..registry.arn import parse_arn
from ..registry.client import RegistryClient
from .apply import Applier
from .comparison import Projector
from .console_reader import ConsoleReader
from .mapping import Kind
from .plan import Change, Operation, plan_entity, plan_gone
from .projection import Projection

UNSETTLED = frozenset({"Pending", "InProgress", "Deleting"})
"""Values of ModelPackageStatus that change without a call that CloudTrail would record."""

RECHECK_SECONDS = 20.0

_STATUS = {
    "create": "created",
    "update": "updated",
    "update_in_registry": "updated",
    "restore": "updated",
    "decommission": "decommissioned",
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one reconciliation did: ``unchanged``, ``created``, ``updated``, ``decommissioned`` or ``ignored``.

    ``recheck_after`` (seconds) asks for another look, for a package whose own status is still moving. ``conflicts`` are
    sentences on fields that both sides had changed, ``notes`` on values that did not fit; both have been logged.
    """

    status: str
    detail: str = ""
    recheck_after: float | None = None
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class KeyReconciler:
    """Reads one entity on both sides, plans, applies. Safe for several threads as long as no two have the same key.

    A change of a known package costs 1 Describe, 1 query, and 1 write on each side that has a difference.
    """

    def __init__(self, registry: RegistryClient, reader: ConsoleReader, projector: Projector, applier: Applier) -> None:
        self._registry = registry
        self._reader = reader
        self._projector = projector
        self._applier = applier

    def reconcile(self, key: str) -> Reconciled:
        """Compare and act for the ARN `key`. Raises the errors of registry, console and sync: try again later."""
        if parse_arn(key).is_group:
            with self._applier.group_turn:
                return self._group(key)
        return self._package(key)

    def _group(self, arn: str) -> Reconciled:
        group = self._registry.describe_group(arn)
        if group is None:
            return self._gone(Kind.GROUP, arn)
        left_out = self._projector.selection.why_group_is_out(group)
        return _ignored(left_out) if left_out else self._entity(self._projector.group(group), None)

    def _package(self, arn: str) -> Reconciled:
        package = self._registry.describe_package(arn)
        if package is None:
            return self._gone(Kind.MODEL, arn)
        left_out = self._projector.selection.why_package_is_out(package)
        recheck = RECHECK_SECONDS if package.status in UNSETTLED else None
        return _ignored(left_out) if left_out else self._entity(self._projector.package(package), recheck)

    def _entity(self, projection: Projection, recheck_after: float | None) -> Reconciled:
        record, taken = self._reader.find(projection.kind, projection.arn, projection.name)
        operation = plan_entity(projection, record, self._reader.names, lambda name: name.lower() in taken)
        if projection.kind is Kind.GROUP and record is not None:
            self._applier.groups.put(projection.name, record.id)
        if operation is None:
            return Reconciled("unchanged", recheck_after=recheck_after)
        return self._apply(operation, recheck_after)

    def _gone(self, kind: Kind, arn: str) -> Reconciled:
        left_out = self._projector.selection.why_name_is_out(parse_arn(arn).name)
        if left_out:
            return _ignored(left_out)
        record, _taken = self._reader.find(kind, arn)
        if record is None:
            return Reconciled("ignored", "neither the registry nor the console has it")
        operation = plan_gone(record, self._reader.names)
        return Reconciled("unchanged") if operation is None else self._apply(operation, None)

    def _apply(self, operation: Operation, recheck_after: float | None) -> Reconciled:
        self._applier.apply(operation)
        conflicts = tuple(str(conflict) for conflict in operation.conflicts)
        for conflict in conflicts:
            logger.warning("both sides changed %s %s: %s", operation.kind.value, operation.name, conflict)
        for note in operation.notes:
            logger.info("%s %s: %s", operation.kind.value, operation.name, note)
        return Reconciled(_STATUS[operation.action], _sentence(operation), recheck_after, conflicts, operation.notes)


def _ignored(reason: str) -> Reconciled:
    return Reconciled("ignored", f"the connection's filters leave it out: {reason}")


def _sentence(operation: Operation) -> str:
    fields = ", ".join(sorted(operation.after))
    pushed = isinstance(operation, Change) and operation.registry is not None
    sides = "SageMaker and console" if pushed else "console"
    return f"{operation.action} {operation.kind.value} {operation.name} ({sides}): {fields}"
