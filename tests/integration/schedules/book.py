# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done to the two sides, and so what the console must hold in the end.

Written from the requirements (R13, R15, R18, R19, R21, docs/conflicts.md), sharing nothing with the product. It knows
when a value was changed on which side, not what the product did in between: where the outcome depends on that, every
value that can be right is allowed, and no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ARN = "Integration:External ID"
STATUS = "MRG-Model:Status"
OWNER = "MRG-Model:Model Owner"
VERSION = "MRG-Model:Model Version"
ALGORITHM = "MRG-AIFacts-Model:Algorithm"
DETAILS = "MRG-UserFact-Model:Additional Details"
DESCRIPTION = "description"

DEFAULT_USER = "governance.team"
ACCOUNTS = {"alice": "alice", "alice@example.com": "alice", "bob": "bob"}
"""Who of the people that a registry may name has a console account; the value is the user name there."""

TO_CONSOLE = {("Development", "InProgress"): "Under Development"}
TO_REGISTRY = {
    "Model Definition": ("Development", "Review"),
    "Under Development": ("Development", "InProgress"),
    "Development Complete": ("Development", "Complete"),
    "Decommissioned": ("Archived", "Retired"),
}
RETIRED, PROPOSED = "Decommissioned", "Proposed"

Cycle = tuple[str, str] | None


@dataclass
class Value:
    """One field of one object as each side last said it; ``turn`` counts all changes of a schedule."""

    registry: Any
    registry_turn: int
    console: Any = None
    console_turn: int = -1

    def allowed(self) -> set[Any]:
        """The registry's value, or the console's where the console spoke last."""
        return {self.registry, self.console} if self.console_turn > self.registry_turn else {self.registry}


@dataclass
class Package:
    """A model package as the schedule made it."""

    arn: str
    group: str
    version: int
    values: dict[str, Value]
    approval: str
    life_cycle: Cycle = None
    life_cycle_turn: int = -1
    console_status: str | None = None
    console_status_turn: int = -1
    card_archived: bool = False
    card_archived_turn: int = -1
    was_archived: bool = False
    is_there: bool = True

    def set_life_cycle(self, cycle: Cycle, turn: int) -> None:
        """Note what somebody did in SageMaker."""
        self.life_cycle, self.life_cycle_turn = cycle, turn
        self.was_archived = self.was_archived or (cycle is not None and cycle[0] == "Archived")

    def allowed_pairs(self) -> set[tuple[str | None, Cycle]]:
        """Console status and life cycle that may stand together in the end (R21, docs/conflicts.md)."""
        cycle, status = self.life_cycle, self.console_status
        archived = cycle is not None and cycle[0] == "Archived"
        taken_up = RETIRED if archived else TO_CONSOLE.get(cycle) if cycle else None
        registry_last = self.life_cycle_turn > self.console_status_turn
        if status is None:
            stays = {taken_up} if taken_up else {None, PROPOSED, "Under Development"}
            return {(found, cycle) for found in stays}
        pairs: set[tuple[str | None, Cycle]] = {(status, TO_REGISTRY[status])}
        if taken_up and (registry_last or archived):
            pairs.add((taken_up, cycle))
        if not taken_up and registry_last:
            pairs.add((status, cycle))
        if self.was_archived or status == RETIRED:
            pairs.add((PROPOSED, cycle))
        return pairs


@dataclass
class Group:
    """A model package group as the schedule made it."""

    arn: str
    name: str
    description: Value
    is_there: bool = True
    packages: int = 0


@dataclass
class Book:
    """Both sides' history; ``account`` is the registry's.

    ``cycles`` are the life cycles that SageMaker has in the end, ``made_by_product`` ARNs that no person made.
    """

    account: str
    groups: dict[str, Group] = field(default_factory=dict)
    cycles: dict[str, Cycle] = field(default_factory=dict)
    made_by_product: set[str] = field(default_factory=set)
    packages: dict[str, Package] = field(default_factory=dict)
    turn: int = 0

    def next_turn(self) -> int:
        """Count one more change."""
        self.turn += 1
        return self.turn

    def living(self) -> list[Package]:
        """Packages that the registry has."""
        return [package for package in self.packages.values() if package.is_there]

    def differences(self, objects: list[dict[str, Any]]) -> Iterator[str]:
        """Say what is wrong with the console's objects.

        What is gone from the registry may be missing there: it may have come and gone between two looks.
        """
        by_arn: dict[str, list[dict[str, Any]]] = {}
        by_id = {document["id"]: document for document in objects}
        for document in objects:
            by_arn.setdefault(document["fields"].get(ARN, ""), []).append(document)
        for arn, found in by_arn.items():
            if arn and len(found) > 1:
                yield f"{len(found)} objects carry {arn}"
            known = {*self.groups_by_arn(), *self.packages, *self.made_by_product}
            if self.account in arn and arn not in known:
                yield f"the registry never had {arn}"
        for group in self.groups.values():
            yield from _group(group, (by_arn.get(group.arn) or [None])[0])
        for package in self.packages.values():
            document = (by_arn.get(package.arn) or [None])[0]
            yield from _package(package, document, by_id, self.cycles.get(package.arn))

    def groups_by_arn(self) -> dict[str, Group]:
        """The groups by ARN."""
        return {group.arn: group for group in self.groups.values()}


def owner_of(name: str) -> str:
    """The console user who owns a model whose registry owner is `name` (R15)."""
    return ACCOUNTS.get(name, DEFAULT_USER)


def _group(group: Group, document: dict[str, Any] | None) -> Iterator[str]:
    if document is None:
        if group.is_there:
            yield f"the console lacks {group.arn}"
        return
    text = document["description"]
    if group.is_there:
        if text not in group.description.allowed():
            yield f"{group.arn}: description {text!r}, not one of {group.description.allowed()}"
    elif "No longer in Amazon SageMaker" not in text:
        yield f"{group.arn} is gone and its description does not say so: {text!r}"


def _package(
    package: Package, document: dict[str, Any] | None, by_id: dict[str, dict[str, Any]], cycle: Cycle
) -> Iterator[str]:
    if document is None:
        if package.is_there:
            yield f"the console lacks {package.arn}"
        return
    fields = document["fields"]
    yield from _status(package, fields.get(STATUS), cycle)
    if not package.is_there:
        return
    parent = by_id[document["primary_parent_id"]]
    if not parent["fields"].get(ARN, "").endswith(f":model-package-group/{package.group}"):
        yield f"{package.arn} hangs under {parent['name']!r}"
    if not document["name"].startswith(f"{package.group}-v{package.version}"):
        yield f"{package.arn} is named {document['name']!r}"
    for name, value in package.values.items():
        present = document["description"] if name == DESCRIPTION else fields.get(name)
        if present not in value.allowed():
            yield f"{package.arn}: {name} is {present!r}, not one of {value.allowed()}"
    if f"Approval status: {package.approval}" not in fields.get(DETAILS, ""):
        yield f"{package.arn}: the approval {package.approval!r} is not in {fields.get(DETAILS)!r}"


def _status(package: Package, status: str | None, cycle: Cycle) -> Iterator[str]:
    if not package.is_there or package.card_archived:
        # Who takes a model back into use in the console, whose card stays archived, is not overruled.
        taken_back = package.is_there and package.console_status_turn > package.card_archived_turn
        if status not in {RETIRED, package.console_status if taken_back else RETIRED}:
            yield f"{package.arn} is deleted or its card archived, and its status is {status!r}"
    elif (status, cycle) not in package.allowed_pairs():
        yield f"{package.arn}: {status!r} with {cycle}, not one of {package.allowed_pairs()}"
