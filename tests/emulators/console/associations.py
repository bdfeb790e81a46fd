# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parents and children of objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import bad_request
from .instance import Instance, ObjectType
from .store import Store


class Associations:
    """The associations of a store. Use inside a transaction of the store."""

    def __init__(self, store: Store, types: Iterable[ObjectType]) -> None:
        self._store = store
        self.types = tuple(types)

    def check_types(self, parent: ObjectType, child: ObjectType) -> None:
        """Raise ApiError (400) unless objects of the one type may hang under objects of the other."""
        if parent.key not in child.spec.parents:
            raise bad_request(f"A {child.name} cannot be a child of a {parent.name}")

    def listed(self, object_id: int, kind: str | None, instance: Instance) -> dict[str, Any]:
        """Return the answer of GET …/associations; ``kind`` is "parent", "child" or None for both. Raises ApiError."""
        if kind not in (None, "parent", "child"):
            raise bad_request(f"association_type takes parent or child, not {kind[:100]!r}")
        found = []
        for one, other in (("parent", "child"), ("child", "parent")):
            if kind in (None, one):
                rows = self._store.rows(
                    f"SELECT a.{one}, d.type, d.path FROM association a JOIN directory d ON d.id = a.{one}"
                    f" WHERE a.{other} = ? ORDER BY a.is_primary DESC, a.{one}",
                    (object_id,),
                )
                found += [_entry(one, row[0], str(row[1]), str(row[2]), instance) for row in rows]
        return {"associations": found}

    def add(self, object_id: int, body: Any, instance: Instance) -> None:
        """Associate an object with others; what is associated already stays so. Raises ApiError (400)."""
        given = body.get("associations") if isinstance(body, Mapping) else None
        if not isinstance(given, list) or not given:
            raise bad_request('associations takes a list of {"id": …, "type": "parent" or "child"}')
        for entry in given:
            kind = entry.get("type") if isinstance(entry, dict) else None
            if kind not in ("parent", "child"):
                raise bad_request(f"An association's type is parent or child, not {str(kind)[:100]!r}")
            other = self._known(entry.get("id"))
            parent, child = (other, object_id) if kind == "parent" else (object_id, other)
            self._link(parent, child, instance)

    def remove(self, object_id: int, parents: Iterable[str], children: Iterable[str]) -> None:
        """Remove associations. Raises ApiError (400) for one that is not there and for the primary parent."""
        pairs = [(self._known(parent), object_id) for parent in parents]
        pairs += [(object_id, self._known(child)) for child in children]
        if not pairs:
            raise bad_request("Name the associations to remove: ?parents=…&children=…")
        for parent, child in pairs:
            primary = self._store.rows(
                "SELECT is_primary FROM association WHERE parent = ? AND child = ?", (parent, child)
            )
            if not primary:
                raise bad_request(f"Object {parent} is not a parent of object {child}")
            if primary[0][0]:
                raise bad_request(f"Object {parent} is the primary parent of object {child}")
            self._store.execute("DELETE FROM association WHERE parent = ? AND child = ?", (parent, child))

    def set_primary(self, object_id: int, parent: int) -> None:
        """Make an object the primary parent; the former one stays a parent. Raises ApiError (400) for a cycle."""
        self._no_cycle(parent, object_id)
        self._store.execute("UPDATE association SET is_primary = 0 WHERE child = ?", (object_id,))
        self._store.execute(
            "INSERT INTO association (parent, child, is_primary) VALUES (?, ?, 1)"
            " ON CONFLICT (parent, child) DO UPDATE SET is_primary = 1",
            (parent, object_id),
        )

    def primary_children(self, object_id: int) -> list[int]:
        """Return the ids of the objects whose primary parent an object is."""
        rows = self._store.rows("SELECT child FROM association WHERE parent = ? AND is_primary", (object_id,))
        return [int(str(row[0])) for row in rows]

    def _known(self, given: Any) -> int:
        text = str(given)
        if not text.isdecimal() or len(text) > 18 or self._store.type_key(int(text)) is None:
            raise bad_request(f"There is no object {text[:100]!r} to associate")
        return int(text)

    def _link(self, parent: int, child: int, instance: Instance) -> None:
        self.check_types(self._type(parent, instance), self._type(child, instance))
        self._no_cycle(parent, child)
        self._store.execute(
            "INSERT INTO association (parent, child, is_primary) VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
            (parent, child),
        )

    def _type(self, object_id: int, instance: Instance) -> ObjectType:
        return instance.types[str(self._store.type_key(object_id))]

    def _no_cycle(self, parent: int, child: int) -> None:
        rows = self._store.rows(
            "WITH RECURSIVE above(id) AS (SELECT ? UNION SELECT a.parent FROM association a, above"
            " WHERE a.child = above.id) SELECT 1 FROM above WHERE id = ?",
            (parent, child),
        )
        if rows:
            raise bad_request(f"Object {parent} lies below object {child}: it cannot be its parent")


def _entry(kind: str, object_id: object, type_key: str, path: str, instance: Instance) -> dict[str, str]:
    name = path.rpartition("/")[2].removesuffix(".txt")
    return {"id": str(object_id), "name": name, "type_definition_id": instance.types[type_key].id, "type": kind}
