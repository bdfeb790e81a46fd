# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out what the planner of use cases found (R20, R22).

An approved use case gets a model package group and a first model package, in steps of which each is safe to repeat:

1. the ARN that the group will have goes to the console's model group (made where there is none), see ANNOUNCED;
2. the model package group is made, with tags that say for which use case;
3. a model that waits in the console's group without ARN gets the ARN of the first package;
4. the first package is made, with a client token.

What then differs between the two sides is the business of the ordinary synchronisation. Cut off anywhere, the next run
finds by ARN and tags what there is.
"""

from __future__ import annotations

from ..console.client import ConsoleClient
from ..console.objects import ConsoleObject, NewObject, ObjectChange, Scalar
from ..registry.client import RegistryClient
from ..registry.errors import NameTakenError
from ..registry.writer import RegistryWriter
from .console_reader import ConsoleReader
from .creation import create_ours
from .errors import UseCaseError
from .mapping import Kind
from .use_case_names import first_package_token, is_ours
from .use_case_plan import ANNOUNCED, Owner, Provision, UpdateCard, UseCaseOperation, first_package_arn


class Claims:
    """Tells whose a model package group is."""

    def __init__(self, registry: RegistryClient, writer: RegistryWriter, console_url: str) -> None:
        self._registry = registry
        self._writer = writer
        self._console_url = console_url

    def owner(self, arn: str, case_id: str) -> Owner:
        """Return whose the group of an ARN is (1 Describe, and 1 ListTags where there is one)."""
        if self._registry.describe_group(arn) is None:
            return "nobody"
        return "us" if is_ours(self._writer.tags(arn), case_id, self._console_url) else "others"


class UseCaseApplier:
    """Writes to both sides. Safe for several threads as long as no two have the same use case."""

    def __init__(self, writer: RegistryWriter, claims: Claims, console: ConsoleClient, reader: ConsoleReader) -> None:
        self._writer = writer
        self._claims = claims
        self._console = console
        self._reader = reader

    def apply(self, operation: UseCaseOperation) -> str | None:
        """Carry out one operation and return the id of the console's model group, if that is what it was about.

        Raises the errors of console and registry, SyncError when the console answers with a foreign object, and
        UseCaseError for a name that somebody else has taken: plan again then.
        """
        if isinstance(operation, UpdateCard):
            self._writer.update_package(operation.arn, card=operation.change.card)
            return None
        group_id = self._announce_group(operation)
        if operation.make_group:
            self._make_group(operation, group_id)
        if operation.make_package:
            self._make_package(operation)
        return group_id

    def _announce_group(self, operation: Provision) -> str:
        if operation.group is None:
            return self._create_console_group(operation)
        if operation.announce:
            self._announce(operation.group, operation.arn)
        return operation.group.id

    def _announce(self, found: ConsoleObject, arn: str) -> None:
        names = self._reader.names
        change = ObjectChange(
            type_name=found.type_name,
            name=found.name,
            title=found.title or found.name,
            description=found.description,
            fields={names.arn: arn, names.state: ANNOUNCED},
        )
        self._console.update_object(found.id, change)

    def _create_console_group(self, operation: Provision) -> str:
        names = self._reader.names
        new = NewObject(
            type_name=self._reader.targets[Kind.GROUP].type_name,
            name=operation.name,
            title=operation.name,
            description=operation.description,
            primary_parent_id=operation.case.id,
            fields={names.arn: operation.arn, names.state: ANNOUNCED},
        )
        return create_ours(self._console, self._reader, Kind.GROUP, operation.arn, new)

    def _make_group(self, operation: Provision, group_id: str) -> None:
        try:
            self._writer.create_group(operation.name, description=operation.description, tags=operation.tags(group_id))
        except NameTakenError as error:
            # Ours, when an earlier attempt was carried out and its answer lost; else somebody was quicker.
            if self._claims.owner(operation.arn, operation.case.id) != "us":
                raise UseCaseError(
                    f"Somebody else has made the model package group {operation.name} in the meantime; the use case "
                    f'"{operation.case.name}" will get another name.'
                ) from error

    def _make_package(self, operation: Provision) -> None:
        expected = first_package_arn(operation.arn)
        if operation.model is not None and self._arn(operation.model) != expected:
            self._announce(operation.model, expected)
        made = self._writer.create_package(
            operation.name,
            description=operation.description,
            life_cycle=operation.life_cycle,
            card=operation.card,
            metadata=None,
            client_token=first_package_token(operation.case.id, operation.arn),
        )
        if operation.model is not None and made != expected:  # there were packages before, and they were deleted
            self._announce(operation.model, made)

    def _arn(self, found: ConsoleObject) -> Scalar | None:
        return found.fields.get(self._reader.names.arn)
