# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a use case leads to in the registry: the operations, and the decision whether it gets a group (R20). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, TypeAlias

from ..console.objects import ConsoleObject
from ..registry.entities import LifeCycle, ModelCard
from .state import SyncState, dump_state
from .use_case_names import group_tags
from .use_case_text import CardChange
from .use_cases import UseCase

APPROVED_STATUSES = ("Approved for Development", "Approved")
"""How releases of the console spell it, the newest first: what approves is the first that a console knows."""

ANNOUNCED = dump_state(SyncState(gone=True))
"""The sync state of an object that has its ARN before the registry has the entity (SyncState.is_announced).

The ARN goes to the console first. Otherwise the event of the new group could be worked on before the console's model
group has the ARN, and would make a second one.
"""


class Thing(Enum):
    """What an operation of this module is about."""

    USE_CASE = "use case"
    GROUP = "model package group"
    CARD = "model card"


Owner: TypeAlias = Literal["nobody", "us", "others"]
"""Whose the model package group of a name is: there is none, its tags are those of this use case, or they are not."""


@dataclass(frozen=True, slots=True)
class Provision:
    """Give a use case its model package group and first model package.

    ``group`` and ``model`` are the console's objects that get the ARNs; None: a group is made, a model is left to the
    synchronisation. ``announce``, ``make_group`` and ``make_package`` are the steps that are still to be done.
    """

    case: UseCase
    console_url: str
    arn: str
    name: str
    description: str
    group: ConsoleObject | None
    announce: bool
    make_group: bool
    make_package: bool
    life_cycle: LifeCycle | None = None
    card: ModelCard | None = None
    model: ConsoleObject | None = None
    action: str = "create_in_registry"
    kind: Thing = Thing.GROUP
    before: Mapping[str, Any] = field(default_factory=dict)

    @property
    def object_id(self) -> str | None:
        """The console's model group, where there is one."""
        return None if self.group is None else self.group.id

    @property
    def after(self) -> Mapping[str, Any]:
        """What there will be, step by step."""
        steps: dict[str, Any] = {"Use case": self.case.name}
        if self.announce:
            steps["Model group"] = f"{self.name} (new)" if self.group is None else self.group.name
        if self.make_group:
            steps["Description"] = self.description
            steps["Tags"] = self.tags(self.object_id or "(new)")
        if self.make_package:
            steps["First model package"] = first_package_arn(self.arn)
            if self.life_cycle is not None:
                steps["Life cycle"] = f"{self.life_cycle.stage} / {self.life_cycle.stage_status}"
            if self.model is not None:
                steps["Model"] = self.model.name
        return steps

    def tags(self, model_group_id: str) -> dict[str, str]:
        """The tags of the model package group."""
        return group_tags(self.case.id, model_group_id, self.console_url)


@dataclass(frozen=True, slots=True)
class UpdateCard:
    """Write a use case's text into the model card of one package."""

    case: UseCase
    arn: str
    name: str
    change: CardChange
    action: str = "update_in_registry"
    kind: Thing = Thing.CARD

    @property
    def before(self) -> Mapping[str, Any]:
        """The texts that the card has, by path; a path without text is absent."""
        return self.change.before

    @property
    def after(self) -> Mapping[str, Any]:
        """The texts that the card gets, by path."""
        return self.change.after


UseCaseOperation: TypeAlias = Provision | UpdateCard

Finding: TypeAlias = UseCaseOperation | str
"""What is to be done for a use case, or a sentence for a person on what cannot be done."""

Step: TypeAlias = Literal["nothing", "choose", "make"]


def next_step(owner: Owner, *, announced: bool, has_arn: bool) -> Step:
    """Return what an approved use case needs whose console group is as given and has no package that we know of.

    ``announced``: the group has its ARN, and never had anything in the registry. A group that was in step with a model
    package group which is gone now was deleted there, and is not made again; one that has somebody else's was linked to
    it on purpose.
    """
    if not has_arn:
        return "choose"
    if owner == "us":
        return "make"
    if not announced:
        return "nothing"
    return "make" if owner == "nobody" else "choose"


def approving(known: Collection[str]) -> str | None:
    """Return the status that approves a use case in a console that knows these, or None where none does."""
    return next((status for status in APPROVED_STATUSES if status in known), None)


def first_package_arn(group_arn: str) -> str:
    """Return the ARN that the first package of a new group will have."""
    stem, _unused, name = group_arn.partition(":model-package-group/")
    return f"{stem}:model-package/{name.lower()}/1"
