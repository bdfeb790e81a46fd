# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What use cases lack in the registry: reads both sides and plans, writes nothing (R13, R20, R22)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

from ..connection.model import Connection
from ..console.client import ConsoleClient
from ..console.objects import ConsoleObject, Scalar
from ..console.query import Column, Compare, In, Join, Or, Query, columns
from ..console.sync_needs import STATUS_FIELD
from ..registry.arn import group_arn, parse_arn
from ..registry.client import RegistryClient
from ..registry.entities import LifeCycle, ModelCard, ModelPackage
from ..registry.group_packages import packages_of_group
from .console_reader import ID, NAME, ConsoleReader
from .errors import UseCaseError
from .mapping import PROPOSED, Kind
from .selection import Selection, reason_by_name, reason_by_tags
from .state import load_state
from .use_case_apply import Claims
from .use_case_names import described, group_names
from .use_case_plan import (
    Finding,
    Owner,
    Provision,
    UpdateCard,
    approving,
    first_package_arn,
    next_step,
)
from .use_case_speakers import Speakers
from .use_case_text import DRAFT, FIELDS, Texts, agrees, change_card, new_content, texts_of
from .use_cases import GroupRef, UseCase, UseCaseReader, UseCases


class LifeCycleOf(Protocol):
    """The status table, read downwards."""

    def __call__(self, status: str, /) -> LifeCycle | None:
        """Return the life cycle for a console status."""


class UseCasePlanner:
    """The use cases of one connection. Safe for several threads."""

    def __init__(
        self,
        registry: RegistryClient,
        claims: Claims,
        console: ConsoleClient,
        reader: ConsoleReader,
        connection: Connection,
        selection: Selection,
        life_cycle_of: LifeCycleOf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._claims = claims
        self._console = console
        self._reader = reader
        self._connection = connection
        self._selection = selection
        self._life_cycle_of = life_cycle_of
        self._cases = UseCaseReader(console, connection.sync, FIELDS)
        self._approving = approving(self._cases.statuses)
        self._speakers = Speakers(lambda: self._cases.groups_under(connection.business_entity_id), clock)

    def all(self) -> UseCases:
        """Return the connection's use cases (see UseCaseReader for what that costs)."""
        found = self._cases.under(self._connection.business_entity_id)
        self._speakers.learn({case.id: case.model_groups for case in found.managed})
        return found

    def find(self, case_id: str) -> UseCases:
        """Return one use case, or nothing when it is not under the connection's business entity."""
        return self._cases.find(case_id, self._connection.business_entity_id)

    def forget_speakers(self) -> None:
        """Read anew which use case speaks for which group: one of them has changed."""
        self._speakers.forget()

    def is_approved(self, case: UseCase) -> bool:
        """Whether a use case has the status that approves it."""
        return self._approving is not None and case.status == self._approving

    def concerns_registry(self, case: UseCase) -> bool:
        """Whether a managed use case has, or should get, anything in the registry."""
        settings = self._connection.sync
        has_group = bool(self._with_our_arn(case.model_groups))
        return (settings.push_text and has_group) or (settings.push_use_cases and self.is_approved(case))

    def misplaced(self, cases: Iterable[UseCase]) -> Iterator[str]:
        """Yield a sentence for each approved use case that hangs under an entity below the connection's (R13)."""
        own = self._connection.business_entity_name
        for case in cases:
            if self.is_approved(case):
                entities = " and ".join(f'"{entity.name}"' for entity in case.entities)
                yield (
                    f'The use case "{case.name}" (id {case.id}) is approved, but hangs under {entities} and not '
                    f'directly under the business entity "{own}": it is not synchronised. Associate it with "{own}".'
                )

    def plan(self, case: UseCase) -> Iterator[Finding]:
        """Yield what a managed use case lacks in the registry, and what cannot be done for it.

        Reads, for each of its groups, one Search for every 100 packages, and a Describe for each package that differs.
        It may be read while what it has yielded is carried out.
        """
        settings = self._connection.sync
        texts = texts_of(case) if settings.push_text else {}
        wants_group = settings.push_use_cases and self.is_approved(case)
        groups = sorted(self._with_our_arn(case.model_groups), key=lambda group: int(group.id))
        has_packages = False
        for group in groups if texts or wants_group else ():
            packages = packages_of_group(self._registry, parse_arn(str(group.arn)).name)
            first = next(packages, None)
            has_packages = has_packages or first is not None
            if texts and first is not None:
                yield from self._plan_cards(case, group, chain([first], packages), texts)
        if wants_group and not has_packages:
            yield from self._plan_group(case, groups, texts)

    def plan_package(self, package_arn: str) -> Iterator[Finding]:
        """Yield what a package's card lacks of its use case's text, for a package that is new or was changed.

        Costs nothing for a group without use case, else 2 queries and a Describe.
        """
        case_id = self._speakers.of(parse_arn(package_arn).name) if self._connection.sync.push_text else None
        managed = () if case_id is None else self.find(case_id).managed
        package = self._registry.describe_package(package_arn) if managed else None
        if package is not None and not self._selection.why_package_is_out(package):
            yield from _plan_card(managed[0], package, texts_of(managed[0]))

    def _with_our_arn(self, groups: Iterable[GroupRef]) -> list[GroupRef]:
        return [group for group in groups if self._reader.is_ours(Kind.GROUP, group.arn)]

    def _speaks_for(self, case: UseCase, group: GroupRef) -> bool:
        """Whether it is this use case whose text a group's cards get: should it have several, the one made first."""
        kind = self._connection.sync.use_case_type
        cases = [parent.id for parent in self._console.parents(group.id) if parent.type_name == kind]
        return case.id == min(cases, key=int, default=case.id)

    def _plan_cards(
        self, case: UseCase, group: GroupRef, packages: Iterable[ModelPackage], texts: Texts
    ) -> Iterator[Finding]:
        """Search's index lags behind and may lack the content: what is described decides, and is what is changed."""
        tags = self._selection.begin()
        speaks: bool | None = None  # asked for when there is something to say
        for listed in packages:
            if agrees(listed, texts) or self._selection.why_package_is_out(listed, tags):
                continue
            speaks = self._speaks_for(case, group) if speaks is None else speaks
            package = self._registry.describe_package(listed.arn) if speaks else None
            if package is not None:
                yield from _plan_card(case, package, texts)

    def _plan_group(self, case: UseCase, ours: list[GroupRef], texts: Texts) -> Iterator[Finding]:
        """Yield what makes the group of an approved use case that has no packages yet, or why it gets none."""
        provision = self._provision(case, ours, texts)
        if provision is None:
            return
        filters = self._connection.sync.filters
        left_out = reason_by_name(filters, provision.name) or reason_by_tags(filters, provision.tags(""))
        if left_out:
            yield (
                f'The approved use case "{case.name}" gets no model package group {provision.name}: the connection\'s '
                f"filters would leave it out, for {left_out}."
            )
        else:
            yield provision

    def _provision(self, case: UseCase, ours: list[GroupRef], texts: Texts) -> Provision | None:
        """Return what makes the group; None where there is nothing to make."""
        bare = sorted((group for group in case.model_groups if group.arn is None), key=lambda group: int(group.id))
        chosen = next(iter([*ours, *bare]), None)
        group = None if chosen is None else self._console.get_object(chosen.id)
        if chosen is not None and group is None:
            raise UseCaseError(f'The model group "{chosen.name}" of the use case "{case.name}" was deleted just now.')
        arn = None if chosen is None else chosen.arn
        owner: Owner = "nobody" if arn is None else self._claims.owner(arn, case.id)
        step = next_step(owner, announced=group is not None and self._is_announced(group), has_arn=arn is not None)
        if step == "nothing":
            return None
        if step == "choose" or arn is None:
            arn, owner = self._free(case)
        announce = chosen is None or chosen.arn != arn
        models = [] if group is None else self._models_of(group)
        make_package = owner == "nobody" or not self._had_package(arn, models)
        if not (announce or make_package):
            return None
        model = self._waiting(models, arn) if make_package else None
        status = str(model.fields.get(STATUS_FIELD) or PROPOSED) if model is not None else PROPOSED
        return Provision(
            case=case,
            console_url=self._connection.console.url,
            arn=arn,
            name=parse_arn(arn).name,
            description=described(case.description or case.name),
            group=group,
            announce=announce,
            make_group=owner == "nobody",
            make_package=make_package,
            life_cycle=self._life_cycle_of(status) or self._life_cycle_of(PROPOSED),
            card=ModelCard(DRAFT, new_content(texts)) if texts else None,
            model=model,
        )

    def _free(self, case: UseCase) -> tuple[str, Owner]:
        """Return the ARN of a name that is free on both sides, or in the registry is this use case's already."""
        place = (self._connection.region, self._connection.account_id)
        arns = {name: str(group_arn(*place, name)) for name in group_names(case.title or case.name, case.id)}
        taken = self._taken(case, arns)
        for name, arn in arns.items():
            if name not in taken:
                owner = self._claims.owner(arn, case.id)
                if owner != "others":
                    return arn, owner
        raise UseCaseError(
            f'No name is free for the model package group of the use case "{case.name}": {", ".join(arns)} are taken.'
        )

    def _taken(self, case: UseCase, arns: dict[str, str]) -> set[str]:
        """Return the names that other model groups of the console hold, or whose ARN they hold (1 query).

        A model group keeps the ARN of a model package group that was deleted, and would be taken for the new one's.
        Raises UseCaseError for one that another process has made for this very use case meanwhile.
        """
        target, names = self._reader.targets[Kind.GROUP], self._reader.names
        where = Or((In(Column(NAME), tuple(arns)), In(Column(names.arn), tuple(arns.values()))))
        rows = self._console.select(Query(columns(ID, NAME, "Location", names.arn), target.type_name, where=where))
        own = {group.id for group in case.model_groups}
        taken: set[str] = set()
        for row in rows:
            if str(row.get(ID)) in own:
                continue
            if self._connection.business_entity_name in str(row.get("Location", "")).split("/"):
                taken.add(str(row.get(NAME, "")).lower())
            if row.get(names.arn) in arns.values():
                self._require_other_case(case, str(row.get(ID)))
            taken |= {name for name, arn in arns.items() if arn == row.get(names.arn)}
        return taken

    def _require_other_case(self, case: UseCase, group_id: str) -> None:
        if any(parent.id == case.id for parent in self._console.parents(group_id)):
            raise UseCaseError(f'Another process gives the use case "{case.name}" its model group at this moment.')

    def _models_of(self, group: ConsoleObject) -> list[ConsoleObject]:
        """Return the models under a console group, the oldest first (1 query, 1 more request for each)."""
        kind, parent = self._reader.targets[Kind.MODEL].type_name, group.type_name
        query = Query(
            (Column(ID, kind),),
            kind,
            (Join(parent, "CHILD", kind),),
            Compare(Column(ID, parent), "=", group.id),
        )
        ids = sorted({str(row.get(f"{kind}.{ID}", "")) for row in self._console.select(query)}, key=int)
        found = (self._console.get_object(object_id) for object_id in ids)
        return [model for model in found if model is not None]

    def _had_package(self, arn: str, models: Iterable[ConsoleObject]) -> bool:
        """Whether a group of ours has, or had, a package: then it is somebody's decision that it has none now."""
        if any(self._arn(model) and not self._is_announced(model) for model in models):
            return True
        return self._registry.describe_package(first_package_arn(arn)) is not None

    def _waiting(self, models: Iterable[ConsoleObject], arn: str) -> ConsoleObject | None:
        """Return the model that the first package is bound to: the oldest without ARN, or that has it already."""
        mine = (None, first_package_arn(arn))
        return next((model for model in models if self._arn(model) in mine or self._is_announced(model)), None)

    def _arn(self, found: ConsoleObject) -> Scalar | None:
        return found.fields.get(self._reader.names.arn)

    def _is_announced(self, found: ConsoleObject) -> bool:
        state = load_state(found.fields.get(self._reader.names.state))
        return state is not None and state.is_announced


def _plan_card(case: UseCase, package: ModelPackage, texts: Texts) -> Iterator[Finding]:
    """Yield what a package that was just described lacks, or why it cannot get it."""
    change = change_card(package, texts)
    if isinstance(change, str):
        yield f'The text of the use case "{case.name}" was not written to {package.arn}: {change}.'
    elif change is not None:
        yield UpdateCard(case, package.arn, f"{package.group_name}/{package.version}", change)
