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
from dataclasses import dataclass
from typing import Protocol

from ..registry.arn import parse_arn
from ..registry.client import GROUP, PACKAGE, RegistryClient
from ..registry.entities import ModelPackage, ModelPackageGroup
from ..registry.listing import ListedPackage, PackageSummary, RegistryListing, UnreadPackage
from .apply import GroupIds
from .console_reader import ConsoleReader, InventoryEntry
from .guard import named
from .mapping import Kind
from .owners import OwnerDirectory
from .phases import sentence_of
from .plan import is_current
from .projection import Projection, project_group, project_package
from .selection import Selection
from .state import says_gone


@dataclass(frozen=True, slots=True)
class Uncompared:
    """A listed entity that could not be compared, and why: that is its own trouble and nobody else's."""

    kind: Kind
    name: str
    arn: str
    error: str


class Projector:
    """Projects entities with what the console allows and who has an account there; says which ones count at all."""

    def __init__(self, reader: ConsoleReader, owners: OwnerDirectory, selection: Selection) -> None:
        self._targets = reader.targets
        self.owners = owners
        self.selection = selection

    def group(self, group: ModelPackageGroup) -> Projection:
        """Return a group's projection."""
        return project_group(group, self._targets[Kind.GROUP].fields)

    def package(self, package: ModelPackage) -> Projection:
        """Return a package's projection (an account look-up for every owner not seen before)."""
        return project_package(package, self._targets[Kind.MODEL].fields, self.owners.owner_of(package))


class Summaries(Protocol):
    """What is remembered of packages, for a registry without Search (sync.summaries)."""

    def is_known(self, summary: PackageSummary) -> bool:
        """Return whether a package was in step with just this summary."""

    def settle(self, arn: str) -> None:
        """Learn that a package whose summary was asked for is in step now."""


def entity_name(entity: ModelPackageGroup | ModelPackage) -> str:
    """Return what reports call an entity that has no projection."""
    return entity.name if isinstance(entity, ModelPackageGroup) else f"{entity.group_name}-v{entity.version}"


def _is_in_use(entry: InventoryEntry) -> bool:
    return not says_gone(entry.state_text)


class FullComparison:
    """One pass over a registry and a console. Use `stale` for each kind (groups first), then `vanished`.

    The inventory is read when the object is made: ⌈M/500⌉ queries. Group ids learned on the way go to `groups`.
    Without Search a package whose summary `summaries` know, and whose object nobody touched, is not described.
    """

    def __init__(
        self,
        registry: RegistryClient,
        reader: ConsoleReader,
        projector: Projector,
        groups: GroupIds,
        summaries: Summaries | None = None,
    ) -> None:
        self.listing = RegistryListing(registry, self._is_settled)
        self._summaries = summaries
        self._projector = projector
        self._memory = projector.selection.begin()
        self.listed: Counter[Kind] = Counter()
        self.unchanged: Counter[Kind] = Counter()
        self.left_out: Counter[Kind] = Counter()
        self._kept_aside: dict[Kind, list[InventoryEntry]] = {kind: [] for kind in Kind}
        self._entries: dict[Kind, dict[str, InventoryEntry]] = {kind: {} for kind in Kind}
        self._foreign_names: dict[Kind, set[str]] = {kind: set() for kind in Kind}
        self._unseen: dict[Kind, set[str]] = {}
        for kind in Kind:
            self._read_inventory(kind, reader)
        for entry in self._entries[Kind.GROUP].values():
            groups.put(str(entry.arn).rsplit("/", 1)[-1], entry.id)

    def stale(self, kind: Kind) -> Iterator[Projection | Uncompared]:
        """Yield the projections of entities whose object is missing or may differ; streams the registry's pages."""
        return (found for found in self.looks(kind) if found is not None)

    def looks(self, kind: Kind) -> Iterator[Projection | Uncompared | None]:
        """Yield for each listed entity what needs a closer look, or None where nothing does."""
        self._unseen[kind] = set(self._entries[kind])
        for entity in self._listed(kind):
            self.listed[kind] += 1
            self._unseen[kind].discard(entity.arn)
            found = self._look(kind, entity)
            self.unchanged[kind] += found is None
            yield found

    def total(self, kind: Kind) -> int | None:
        """Return how many entities the registry has; None while, or where, it does not say so."""
        return self.listing.total(GROUP if kind is Kind.GROUP else PACKAGE)

    def vanished(self, kind: Kind) -> list[InventoryEntry]:
        """Return the objects of entities that the listing did not have and that are not decommissioned yet.

        Call it after `stale` of that kind was read to its end. What the filters leave out by name is not among them.
        """
        entries = (self._entries[kind][arn] for arn in sorted(self._unseen[kind]))
        is_out = self._projector.selection.why_name_is_out
        return [entry for entry in entries if _is_in_use(entry) and not is_out(parse_arn(str(entry.arn)).name)]

    def kept_aside(self, kind: Kind) -> list[InventoryEntry]:
        """Return the objects in use whose entities the filters leave out: they are neither kept up nor decommissioned.

        Call it after `stale` of that kind was read to its end.
        """
        is_out = self._projector.selection.why_name_is_out
        unseen = (self._entries[kind][arn] for arn in sorted(self._unseen[kind]))
        by_name = [entry for entry in unseen if _is_in_use(entry) and is_out(parse_arn(str(entry.arn)).name)]
        return [*self._kept_aside[kind], *by_name]

    def left_out_notes(self, kind: Kind) -> list[str]:
        """Return what a report says of the filters' work on one kind."""
        notes = []
        if self.left_out[kind]:
            notes.append(f"the connection's filters leave out {self.left_out[kind]} {kind.value}s of the registry")
        aside = self.kept_aside(kind)
        if aside:
            notes.append(
                f"{named(entry.name for entry in aside)}: {len(aside)} {kind.value}s that the filters leave out are in "
                "the console; they are left as they are, and no longer kept up"
            )
        return notes

    def managed(self, kind: Kind) -> int:
        """Return how many objects of this registry the console has that are not decommissioned for good."""
        return sum(1 for entry in self._entries[kind].values() if _is_in_use(entry))

    def entry(self, kind: Kind, arn: str) -> InventoryEntry | None:
        """Return the console's object of an entity."""
        return self._entries[kind].get(arn)

    def is_taken(self, kind: Kind, name: str) -> bool:
        """Whether an object that is not of this registry's ARNs holds the name under the business entity."""
        return name.lower() in self._foreign_names[kind]

    def _is_settled(self, summary: PackageSummary) -> bool:
        """Whether a package needs no Describe: left out by its group's name, or known, with an object in use."""
        if self._projector.selection.why_name_is_out(summary.group_name):
            return True
        entry = self.entry(Kind.MODEL, summary.arn)
        is_known = self._summaries is not None and self._summaries.is_known(summary)
        return is_known and entry is not None and entry.is_in_use_and_untouched

    def _listed(self, kind: Kind) -> Iterator[ModelPackageGroup | ListedPackage]:
        return self.listing.groups() if kind is Kind.GROUP else self.listing.packages()

    def _look(self, kind: Kind, entity: ModelPackageGroup | ListedPackage) -> Projection | Uncompared | None:
        entry = self._entries[kind].get(entity.arn)
        if isinstance(entity, PackageSummary):
            if self._projector.selection.why_name_is_out(entity.group_name):
                self._leave_out(kind, entry)
            return None
        if isinstance(entity, UnreadPackage):
            return Uncompared(kind, f"{entity.group_name}-v{entity.version}", entity.arn, entity.error)
        try:
            if self._is_left_out(entity):
                self._leave_out(kind, entry)
                return None
            projection = self._project(entity)
            is_same = entry is not None and is_current(projection, entry.state, dict(entry.pushed))
        except Exception as error:  # one bad entity must not stop the run, whatever it is that is bad in it
            return Uncompared(kind, entity_name(entity), entity.arn, sentence_of(error))
        if is_same and self._summaries is not None:
            self._summaries.settle(entity.arn)
        return None if is_same else projection

    def _leave_out(self, kind: Kind, entry: InventoryEntry | None) -> None:
        self.left_out[kind] += 1
        if entry is not None and _is_in_use(entry):
            self._kept_aside[kind].append(entry)

    def _is_left_out(self, entity: ModelPackageGroup | ModelPackage) -> bool:
        if isinstance(entity, ModelPackageGroup):
            return bool(self._projector.selection.why_group_is_out(entity, self._memory))
        return bool(self._projector.selection.why_package_is_out(entity, self._memory))

    def _project(self, entity: ModelPackageGroup | ModelPackage) -> Projection:
        if isinstance(entity, ModelPackageGroup):
            return self._projector.group(entity)
        return self._projector.package(entity)

    def _read_inventory(self, kind: Kind, reader: ConsoleReader) -> None:
        for entry in reader.inventory(kind):
            if entry.arn is not None and reader.is_ours(kind, entry.arn):
                known = self._entries[kind].get(entry.arn)
                if known is None or int(entry.id) < int(known.id):
                    self._entries[kind][entry.arn] = entry
            else:
                self._foreign_names[kind].add(entry.name.lower())
