# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of the Governance console, and how their JSON is read and written.

The shapes are those of OpenPages' GRC REST API V2, as recorded from a live console: ids are decimal strings, a field
without a value has no ``value`` key, an enumeration value is an object with ``name`` (some answers give the bare
string), and the fields Name and Location as well as ``path`` end in ``.txt``, while the top-level ``name`` does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .answers import expect_boolean, expect_list, expect_mapping, expect_text, optional_text
from .errors import BadAnswerError, InvalidValueError
from .schema import ConsoleSchema, FieldDefinition, TypeDefinition

Scalar: TypeAlias = str | int | float | bool | tuple[str, ...]
"""A field's value: an enumeration is the *name* of its value, a multi-valued one a tuple of names, a date ISO text."""

EXTENSION = ".txt"
FIELDS_WITH_EXTENSION = frozenset({"Name", "Location"})


@dataclass(frozen=True, slots=True)
class ConsoleObject:
    """An object as the console has it. ``fields`` holds only the fields that have a value."""

    id: str
    type_name: str
    name: str
    title: str
    description: str
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    primary_parent_id: str | None = None
    location: str = ""
    modified_at: str = ""


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to create; without a primary parent it becomes a root object. Fields that are None are left out."""

    type_name: str
    name: str
    title: str = ""
    description: str = ""
    primary_parent_id: str | None = None
    fields: Mapping[str, Scalar | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """A change of an object.

    Name, title and description are always sent, because a PUT without them empties them; of ``fields`` only those
    that change need be given (the console merges them). A value of None clears the field. ``primary_parent_id`` None
    leaves the object where it is.
    """

    type_name: str
    name: str
    title: str
    description: str
    fields: Mapping[str, Scalar | None] = field(default_factory=dict)
    primary_parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Association:
    """One end of a parent-child link: the other object's id, the name of its type, and its name where it is given."""

    id: str
    type_name: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the user who is logged in may do with an object and what is in its folder."""

    read: bool
    write: bool
    delete: bool
    associate: bool

    def lacking(self, *needed: str) -> tuple[str, ...]:
        """Return those of the needed permissions ("read", "write", "delete", "associate") that are not given."""
        return tuple(name for name in needed if not getattr(self, name))


@dataclass(frozen=True, slots=True)
class ConsoleUser:
    """A console account; fields of users (a model's owner, for one) hold ``user_name``."""

    id: str
    user_name: str
    active: bool
    emails: tuple[str, ...] = ()


def object_from_answer(data: object, schema: ConsoleSchema) -> ConsoleObject:
    """Read an object as POST, GET and PUT of contents answer it. Raises BadAnswerError, UnknownTypeError."""
    what = "An object of the console"
    answer = expect_mapping(data, what)
    fields = dict(_fields_from_answer(expect_list(answer, "fields", what)))
    return ConsoleObject(
        id=expect_text(answer, "id", what),
        type_name=schema.by_id(expect_text(answer, "type_definition_id", what)).name,
        name=expect_text(answer, "name", what),
        title=optional_text(answer, "title") or "",
        description=optional_text(answer, "description") or "",
        fields=fields,
        primary_parent_id=optional_text(answer, "primary_parent_id") or None,
        location=(optional_text(answer, "path") or "").removesuffix(EXTENSION),
        modified_at=optional_text(answer, "modified_date") or "",
    )


def _fields_from_answer(entries: object) -> list[tuple[str, Scalar]]:
    what = "A field of an object"
    values: list[tuple[str, Scalar]] = []
    for raw in entries if isinstance(entries, list) else ():
        entry = expect_mapping(raw, what)
        if entry.get("value") is None and "name" in entry:  # as most fields of most objects have it
            continue
        name = expect_text(entry, "name", what)
        value = read_value(entry["value"], name)
        if value is not None:
            values.append((name, _without_extension(name, value)))
    return values


def _without_extension(name: str, value: Scalar) -> Scalar:
    return value.removesuffix(EXTENSION) if name in FIELDS_WITH_EXTENSION and isinstance(value, str) else value


_PLAIN = (str, int, float)


def read_value(raw: object, field_name: str) -> Scalar | None:
    """Return a field's value; None where it has none (no ``value`` key, null, empty text or list).

    Accepts both shapes of enumeration values. Raises BadAnswerError for any other shape.
    """
    if raw is None or raw == "":
        return None
    if isinstance(raw, _PLAIN):
        return raw
    if isinstance(raw, list):
        return tuple(_enum_name(item, field_name) for item in raw) or None
    return _enum_name(raw, field_name)


def _enum_name(raw: object, field_name: str) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, dict) and isinstance(raw.get("name"), str):
        return str(raw["name"])
    raise BadAnswerError(f'The console\'s value of the field "{field_name}" has a shape that is not known.')


def creation_body(new: NewObject, definition: TypeDefinition) -> dict[str, object]:
    """Return the body of a POST. Raises UnknownFieldError, InvalidValueError."""
    fields = {name: value for name, value in new.fields.items() if value is not None}
    body: dict[str, object] = {
        "type_definition_id": definition.id,
        "name": new.name,
        "title": new.title,
        "description": new.description,
        "fields": _field_entries(fields, definition, None),
    }
    if new.primary_parent_id is not None:
        body["primary_parent_id"] = new.primary_parent_id
    return body


def change_body(change: ObjectChange, definition: TypeDefinition, empty_value: str | None) -> dict[str, object]:
    """Return the body of a PUT; ``empty_value`` is what clears a field. Raises UnknownFieldError, InvalidValueError."""
    body: dict[str, object] = {
        "type_definition_id": definition.id,
        "name": change.name,
        "title": change.title,
        "description": change.description,
        "fields": _field_entries(change.fields, definition, empty_value),
    }
    if change.primary_parent_id is not None:
        body["primary_parent_id"] = change.primary_parent_id
    return body


def _field_entries(
    fields: Mapping[str, Scalar | None], definition: TypeDefinition, empty_value: str | None
) -> list[dict[str, object]]:
    return [
        {"name": name, "value": empty_value if value is None else write_value(value, definition.field(name))}
        for name, value in fields.items()
        if definition.field(name)
    ]


def write_value(value: Scalar, definition: FieldDefinition) -> object:
    """Return the JSON of a value for a field. Raises InvalidValueError, naming the values an enumeration takes."""
    if definition.read_only:
        raise InvalidValueError(f'The console\'s field "{definition.name}" is read-only.')
    if definition.data_type == "ENUM_TYPE":
        return {"name": _checked_enum(value, definition)}
    if definition.data_type == "MULTI_VALUE_ENUM":
        names = value if isinstance(value, tuple) else (value,)
        return [{"name": _checked_enum(name, definition)} for name in names]
    if not isinstance(value, _PYTHON_TYPES.get(definition.data_type, str)) or _is_misplaced(value, definition):
        raise InvalidValueError(
            f'The console\'s field "{definition.name}" ({definition.data_type}) does not take the value {value!r}.'
        )
    return value


_PYTHON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "INTEGER_TYPE": int,
    "FLOAT_TYPE": (int, float),
    "DECIMAL_TYPE": (int, float),
    "CURRENCY_TYPE": (int, float),
    "BOOLEAN_TYPE": bool,
}


def _is_misplaced(value: Scalar, definition: FieldDefinition) -> bool:
    """Whether it is a truth value, which Python takes for a number, or a number that JSON cannot write."""
    if isinstance(value, bool):
        return definition.data_type != "BOOLEAN_TYPE"
    return isinstance(value, float) and not math.isfinite(value)


def _checked_enum(value: object, definition: FieldDefinition) -> str:
    if isinstance(value, str) and (value in definition.enum_values or not definition.enum_values):
        return value
    allowed = ", ".join(definition.enum_values)
    raise InvalidValueError(f'The console\'s field "{definition.name}" does not take {value!r}. It takes: {allowed}.')


def associations_from_answer(data: object, schema: ConsoleSchema, kind: str) -> tuple[Association, ...]:
    """Read the answer of GET associations; ``kind`` is parent or child. A bare list is accepted too."""
    what = "An object's associations"
    entries = data if isinstance(data, list) else expect_list(expect_mapping(data, what), "associations", what)
    found = []
    for raw in entries:
        entry = expect_mapping(raw, what)
        if str(entry.get("type", kind)).lower() != kind:
            continue
        type_name = schema.by_id(expect_text(entry, "type_definition_id", what)).name
        found.append(Association(expect_text(entry, "id", what), type_name, optional_text(entry, "name")))
    return tuple(found)


def permissions_from_answer(data: object) -> Permissions:
    """Read the answer of GET permissions/effective. A key that is missing is an error, never a permission."""
    what = "An object's permissions"
    answer = expect_mapping(data, what)
    return Permissions(
        read=expect_boolean(answer, "can_read", what),
        write=expect_boolean(answer, "can_write", what),
        delete=expect_boolean(answer, "can_delete", what),
        associate=expect_boolean(answer, "can_associate", what),
    )


def users_from_answer(data: object) -> tuple[ConsoleUser, ...]:
    """Read a SCIM list. RFC 7644 lets an empty one leave out ``Resources``, but then it says totalResults 0."""
    what = "The list of users"
    answer = expect_mapping(data, what)
    if answer.get("totalResults") == 0 and "Resources" not in answer:
        return ()
    return tuple(_user_from_answer(expect_mapping(raw, what)) for raw in expect_list(answer, "Resources", what))


def _user_from_answer(entry: Mapping[str, object]) -> ConsoleUser:
    emails = entry.get("emails")
    entries = emails if isinstance(emails, list) else []
    addresses = [item.get("value") if isinstance(item, dict) else item for item in entries]
    return ConsoleUser(
        id=expect_text(entry, "id", "A user"),
        user_name=expect_text(entry, "userName", "A user"),
        active=entry.get("active") is not False,
        emails=tuple(address for address in addresses if isinstance(address, str)),
    )
