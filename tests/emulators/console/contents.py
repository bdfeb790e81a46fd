# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects: creation, change, deletion, and the full object of the answers."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from . import catalogue
from .associations import Associations
from .errors import ApiError, bad_request, not_found
from .instance import SYSTEM_COLUMNS, Instance, ObjectType, field_of
from .store import Store, StoredObject, Value
from .switches import Switches
from .users import User, Users
from .values import from_json, storable, to_json

ROOT = "/_op_sox/Project/Default/ICDocumentation"
# Names form paths, so these cannot be part of one.
_NOT_IN_NAMES = frozenset("/\\:")
# System fields that a request may also set through its field list, and their place in a stored object.
_TEXT_KEYS = {"Title": "title", "Description": "description", "Comment": "comment"}


class Contents:
    """The objects of a store. Use inside a transaction of the store."""

    def __init__(self, store: Store, associations: Associations, users: Users) -> None:
        self._store = store
        self._associations = associations
        self._users = users

    def get(self, object_id: str) -> StoredObject:
        """Return the object of a decimal id. Raises ApiError (404)."""
        found = self._store.load(int(object_id)) if object_id.isdecimal() and len(object_id) < 19 else None
        if found is None:
            raise not_found("Object")
        return found

    def find(self, id_or_path: str) -> StoredObject:
        """Return the object of an id or of a path: the whole one, or one that begins with the type's folder."""
        if "/" not in id_or_path:
            return self.get(id_or_path)
        path = id_or_path if id_or_path.startswith("/_op_sox/") else f"{ROOT}/{id_or_path.lstrip('/')}"
        path = path if path.endswith(".txt") else f"{path}.txt"
        rows = self._store.rows("SELECT id FROM directory WHERE path = ? ORDER BY id", (path,))
        if not rows:
            raise not_found("Object")
        return self.get(str(rows[0][0]))

    def create(
        self, body: Mapping[str, Any], instance: Instance, switches: Switches, user: User, now: str
    ) -> tuple[StoredObject, bool]:
        """Create an object and return it, and whether it is new. Raises ApiError (400)."""
        object_type = instance.resolve(body.get("type_definition_id"))
        name = _name(body.get("name"), switches)
        parent = self._parent(body.get("primary_parent_id"), object_type, instance)
        location = self._location(object_type, name, parent)
        existing = self._existing(location, parent, switches)
        if existing is not None:
            touched = replace(existing, modified=now, modified_by=user.id)
            self._store.update(touched)
            return touched, False
        new = StoredObject(
            id=self._store.take_ids(1)[0],
            type_key=object_type.key,
            name=name,
            title=_text(body, "title", switches.string_max),
            description=_text(body, "description", switches.medium_string_max),
            comment=None,
            location=location,
            created=now,
            created_by=user.id,
            modified=now,
            modified_by=user.id,
            primary_parent=parent.id if parent else None,
            fields=_defaults(object_type),
        )
        self._set_fields(new, object_type, body.get("fields"), switches)
        self._store.insert([new])
        return new, True

    def update(
        self, old: StoredObject, body: Mapping[str, Any], instance: Instance, switches: Switches, user: User, now: str
    ) -> StoredObject:
        """Change an object: fields that are not sent stay. Raises ApiError (400)."""
        object_type = instance.types[old.type_key]
        claimed = body.get("type_definition_id")
        if claimed is not None and instance.find(claimed) is not object_type:
            raise bad_request(f"Object {old.id} is a {object_type.name}, not a {str(claimed)[:100]!r}")
        changed = replace(old, fields=dict(old.fields), modified=now, modified_by=user.id)
        if body.get("name") is not None:
            changed.name = _name(body["name"], switches)
        if "description" in body or switches.put_clears_description:
            changed.description = _text(body, "description", switches.medium_string_max)
        if "title" in body or switches.put_clears_title:
            changed.title = _text(body, "title", switches.string_max)
        if body.get("primary_parent_id") is not None:
            parent = self._parent(body["primary_parent_id"], object_type, instance)
            if parent is not None and parent.id != old.primary_parent:
                self._associations.set_primary(old.id, parent.id)
                changed.primary_parent = parent.id
        self._set_fields(changed, object_type, body.get("fields"), switches)
        self._move(old, changed, object_type, switches)
        self._store.update(changed)
        return changed

    def delete(self, doomed: StoredObject) -> None:
        """Delete an object. Raises ApiError (400) while objects have it as their primary parent."""
        held = self._store.rows("SELECT COUNT(*) FROM association WHERE parent = ? AND is_primary", (doomed.id,))
        if held[0][0]:
            raise bad_request(f"Object {doomed.id} is the primary parent of {held[0][0]} objects")
        self._store.delete(doomed)

    def as_json(self, stored: StoredObject, instance: Instance) -> dict[str, Any]:
        """Return the full object of an answer: every field is listed, one without a value has no ``value`` key."""
        object_type = instance.types[stored.type_key]
        system = {name: getattr(stored, column) for name, column in SYSTEM_COLUMNS.items()}
        system["Name"] = f"{stored.name}.txt"
        fields = []
        for field in object_type.fields.values():
            value = system[field.name] if field.name in system else stored.fields.get(field.name)
            fields.append(field.entry if value is None else {**field.entry, "value": to_json(field, value)})
        answer: dict[str, Any] = {
            "name": stored.name,
            "id": str(stored.id),
            "path": stored.location,
            "creation_date": stored.created,
            "modified_date": stored.modified,
            "parent_folder_id": str(folder_id(stored)),
            "creator": self._users.name(stored.created_by),
            "last_modified_by": self._users.name(stored.modified_by),
            "fields": fields,
            "type_definition_id": object_type.id,
            "is_checkout": False,
            "is_locked": False,
        }
        if stored.description is not None:
            answer["description"] = stored.description
        if stored.title is not None:
            answer["title"] = stored.title
        if stored.primary_parent is not None:
            answer["primary_parent_id"] = str(stored.primary_parent)
        return answer

    def _parent(self, given: Any, object_type: ObjectType, instance: Instance) -> StoredObject | None:
        if given is None or given == "":
            return None
        parent = self._store.load(int(given)) if str(given).isdecimal() and len(str(given)) < 19 else None
        if parent is None:
            raise bad_request(f"There is no object {str(given)[:100]!r} to be the primary parent")
        self._associations.check_types(instance.types[parent.type_key], object_type)
        return parent

    def _location(self, object_type: ObjectType, name: str, parent: StoredObject | None) -> str:
        """Return the path: an object lives in the folder of the business entity that owns it."""
        owner = parent
        while owner is not None and owner.type_key != catalogue.BUSINESS_ENTITY:
            owner = self._store.load(owner.primary_parent) if owner.primary_parent is not None else None
        folder = entity_folder(owner) if owner else ""
        if object_type.key == catalogue.BUSINESS_ENTITY:
            folder = f"{folder}/{name}"
        return f"{ROOT}/{object_type.spec.folder}{folder}/{name}.txt"

    def _existing(self, location: str, parent: StoredObject | None, switches: Switches) -> StoredObject | None:
        """Return the object that a creation meets; None if there is none or there may be two. Raises ApiError (400)."""
        parent_id = parent.id if parent else None
        rows = self._store.rows("SELECT id FROM directory WHERE path = ? ORDER BY id", (location,))
        met = [self.get(str(row[0])) for row in rows]
        same = [found for found in met if found.primary_parent == parent_id]
        if same:
            if switches.post_existing == "error":
                raise bad_request(f"An object named {same[0].name!r} already exists under that parent")
            return same[0]
        if not met or switches.duplicate_names_in_folder == "allow":
            return None
        if switches.duplicate_names_in_folder == "error":
            raise bad_request(f"An object named {met[0].name!r} already exists in the folder of {location}")
        return met[0]

    def _set_fields(self, target: StoredObject, object_type: ObjectType, given: Any, switches: Switches) -> None:
        if given is None:
            return
        if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
            raise bad_request('fields takes a list of {"name": …, "value": …}')
        for entry in given:
            field = field_of(object_type, entry.get("name"))
            if field.spec.read_only:
                raise bad_request(f"Field {field.name} is read-only")
            if field.name in _TEXT_KEYS:
                longest = switches.medium_string_max if field.name == "Description" else switches.string_max
                setattr(target, _TEXT_KEYS[field.name], _text(entry, "value", longest))
                continue
            value = from_json(field, entry.get("value"), switches)
            if field.name == "Name":
                target.name = _name(str(value).removesuffix(".txt"), switches)
            elif value is None:
                target.fields.pop(field.name, None)
            else:
                target.fields[field.name] = value

    def _move(self, old: StoredObject, changed: StoredObject, object_type: ObjectType, switches: Switches) -> None:
        """Give a renamed or re-parented object its new path, and the objects below it theirs."""
        parent = self._store.load(changed.primary_parent) if changed.primary_parent is not None else None
        changed.location = self._location(object_type, changed.name, parent)
        if changed.location == old.location:
            return
        if switches.duplicate_names_in_folder != "allow" and self._store.rows(
            "SELECT id FROM directory WHERE path = ?", (changed.location,)
        ):
            raise bad_request(f"An object named {changed.name!r} already exists in the folder of {changed.location}")
        self._store.update(changed)
        for below in self._associations.primary_children(changed.id):
            child = self.get(str(below))
            child_type = next(t for t in self._associations.types if t.key == child.type_key)
            self._move(child, replace(child), child_type, switches)


def entity_folder(entity: StoredObject) -> str:
    """Return the folder below a type's folder in which objects of a business entity live: "/Parent/Child"."""
    prefix = f"{ROOT}/BusinessEntities"
    return entity.location.removeprefix(prefix).rpartition("/")[0]


def folder_id(stored: StoredObject) -> int:
    """Return a number that is the same for all objects of a folder. Folders are no objects here."""
    return 10_000_000 + zlib.crc32(stored.location.rpartition("/")[0].encode()) % 1_000_000


def _defaults(object_type: ObjectType) -> dict[str, Value]:
    return {f.name: f.spec.default for f in object_type.fields.values() if f.spec.default is not None}


def _name(given: Any, switches: Switches) -> str:
    if not isinstance(given, str) or not given.strip():
        raise bad_request("name is required")
    if given != given.strip() or _NOT_IN_NAMES & set(given) or not given.isprintable():
        raise bad_request(f"name {given[:100]!r} must hold no / \\ : or control character, nor begin or end with space")
    return storable(given, "name", switches.name_max)


def _text(body: Mapping[str, Any], key: str, longest: int) -> str | None:
    value = body.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ApiError(400, f"{key} takes a string, not {type(value).__name__}")
    return storable(value, key, longest)
