# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison over everything: registry listing against console inventory.

Both users of it (the existing-model sync, which acts, and the agent's sweep, which only marks keys dirty) get the same
answers: which entities need a closer look, and which console objects the registry no longer lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..registry.client import RegistryClient
from ..registry.entities import ModelPackage, ModelPackageGroup
from .apply import GroupIds
from .console_reader import ConsoleReader, InventoryEntry
from .mapping import Kind
from .owners import OwnerDirectory
from .plan import is_current
from .projection import Projection, project_group, project_package


class Projector:
    """Projects entities with what the console allows and who has an account there."""

    def __init__(self, reader: ConsoleReader, owners: OwnerDirectory) -> None:
        self._targets = reader.targets
        self.owners = owners

    def group(self, group: ModelPackageGroup) -> Projection:
        """Return a group's projection."""
        return project_group(group, self._targets[Kind.GROUP].fields)

    def package(self, package: ModelPackage) -> Projection:
        """Return a package's projection (an account look-up for every owner not seen before)."""
        return project_package(package, self._targets[Kind.MODEL].fields, self.owners.owner_of(package))


class FullComparison:
    """One pass over a registry and a console. Use `stale` for each kind (groups first), then `vanished`.

    The inventory is read when the object is made: ⌈M/500⌉ queries. Group ids learned on the way go to `groups`.
    """

    def __init__(self, registry: RegistryClient, reader: ConsoleReader, projector: Projector, groups: GroupIds) -> None:
        self._registry = registry
        self._projector = projector
        self.listed: Counter[Kind] = Counter()
        self.unchanged: Counter[Kind] = Counter()
        self._entries: dict[Kind, dict[str, InventoryEntry]] = {kind: {} for kind in Kind}
        self._foreign_names: dict[Kind, set[str]] = {kind: set() for kind in Kind}
        self._unseen: dict[Kind, set[str]] = {}
        for kind in Kind:
            self._read_inventory(kind, reader)
        for entry in self._entries[Kind.GROUP].values():
            groups.put(str(entry.arn).rsplit("/", 1)[-1], entry.id)

    def stale(self, kind: Kind) -> Iterator[Projection]:
        """Yield the projections of entities whose object is missing or may differ; streams the registry's pages."""
        self._unseen[kind] = set(self._entries[kind])
        for projection in self._projections(kind):
            self.listed[kind] += 1
            self._unseen[kind].discard(projection.arn)
            entry = self._entries[kind].get(projection.arn)
            if entry is not None and is_current(projection, entry.state):
                self.unchanged[kind] += 1
            else:
                yield projection

    def vanished(self, kind: Kind) -> list[InventoryEntry]:
        """Return the objects of entities that the listing did not have and that are not decommissioned yet.

        Call it after `stale` of that kind was read to its end.
        """
        entries = (self._entries[kind][arn] for arn in sorted(self._unseen[kind]))
        return [entry for entry in entries if entry.state is None or not entry.state.gone]

    def managed(self, kind: Kind) -> int:
        """Return how many objects of this registry the console has that are not decommissioned for good."""
        return sum(1 for entry in self._entries[kind].values() if entry.state is None or not entry.state.gone)

    def entry(self, kind: Kind, arn: str) -> InventoryEntry | None:
        """Return the console's object of an entity."""
        return self._entries[kind].get(arn)

    def is_taken(self, kind: Kind, name: str) -> bool:
        """Whether an object that is not of this registry's ARNs holds the name under the business entity."""
        return name.lower() in self._foreign_names[kind]

    def _projections(self, kind: Kind) -> Iterator[Projection]:
        if kind is Kind.GROUP:
            return (self._projector.group(group) for group in self._registry.search_groups())
        return (self._projector.package(package) for package in self._registry.search_packages())

    def _read_inventory(self, kind: Kind, reader: ConsoleReader) -> None:
        for entry in reader.inventory(kind):
            if entry.arn is not None and reader.is_ours(kind, entry.arn):
                known = self._entries[kind].get(entry.arn)
                if known is None or int(entry.id) < int(known.id):
                    self._entries[kind][entry.arn] = entry
            else:
                self._foreign_names[kind].add(entry.name.lower())
