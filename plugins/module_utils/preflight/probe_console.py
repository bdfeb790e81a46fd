# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console's side of a probe: waiting for its objects, and removing them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..connection.model import Connection
from ..console.client import ConsoleClient
from ..console.query import Column, Compare, Like, Query, columns
from ..registry.arn import GROUP, PACKAGE, group_arn
from .probe_marks import Marks, group_in

STATUS_FIELD = "MRG-Model:Status"
_ID, _NAME, _DESCRIPTION = "Resource ID", "Name", "Description"


@dataclass(frozen=True, slots=True)
class Shown:
    """A console object as the probe looks at it; ``standing`` is what a deletion in the registry changes."""

    id: str
    arn: str
    standing: str


class ProbeConsole:
    """One console, as a connection sees it; for one thread. Every look is one query."""

    def __init__(self, client: ConsoleClient, connection: Connection) -> None:
        schema = client.types()
        self._client = client
        self._arn_field = connection.sync.arn_field
        group_type = schema.model_group(connection.sync.model_group_type).name
        model_type = schema.by_name(connection.sync.model_type).name
        self._types = {GROUP: group_type, PACKAGE: model_type}
        self._group_stem = str(group_arn(connection.region, connection.account_id, "X"))[:-1]
        self._has_status = STATUS_FIELD in client.type_definition(model_type).fields

    def group(self, arn: str) -> Shown | None:
        """Return the model group with this ARN; its standing is its description, for it has no status."""
        return self._one(GROUP, arn)

    def model(self, arn: str) -> Shown | None:
        """Return the model with this ARN; its standing is its status."""
        return self._one(PACKAGE, arn)

    def probes(self, marks: Marks) -> Iterator[tuple[str, Shown]]:
        """Yield all objects of this registry whose ARN is of a group with a probe's prefix, models first, by kind."""
        package_stem = self._group_stem.replace(f":{GROUP}/", f":{PACKAGE}/")
        # Packages' ARNs have their group's name in lower case.
        for kind, stem, prefix in (
            (PACKAGE, package_stem, marks.prefix.lower()),
            (GROUP, self._group_stem, marks.prefix),
        ):
            condition = Like(Column(self._arn_field), f"{stem}{prefix}-%")
            query = Query(self._columns(kind), self._types[kind], where=condition)
            for row in self._client.select(query):
                yield kind, Shown(str(row.get(_ID, "")), str(row.get(self._arn_field, "")), "")

    def remove(self, shown: Shown) -> None:
        """Delete an object of the probe's, having looked once more whether it has the probe's ARN (2 requests)."""
        current = self._client.get_object(shown.id)
        if current is not None and group_in(shown.arn) and current.fields.get(self._arn_field) == shown.arn:
            self._client.delete_object(shown.id)

    def _one(self, kind: str, arn: str) -> Shown | None:
        where = Compare(Column(self._arn_field), "=", arn)
        standing = self._standing(kind)
        for row in self._client.select(Query(self._columns(kind), self._types[kind], where=where)):
            return Shown(str(row.get(_ID, "")), arn, str(row.get(standing, "")))
        return None

    def _standing(self, kind: str) -> str:
        return STATUS_FIELD if kind == PACKAGE and self._has_status else _DESCRIPTION

    def _columns(self, kind: str) -> tuple[Column, ...]:
        return columns(_ID, _NAME, self._arn_field, self._standing(kind))
