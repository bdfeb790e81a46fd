# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""One console installation: the catalogue with the numeric ids and the field order that a seed gives it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import catalogue
from .catalogue import FieldSpec, TypeSpec
from .errors import ApiError, bad_request


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A value of an enumeration as the API shows it."""

    id: str
    name: str
    label: str
    index: int

    def as_json(self) -> dict[str, object]:
        """Return the object that stands for the value in answers."""
        return {
            "id": self.id,
            "name": self.name,
            "localized_label": self.label,
            "index": self.index,
            "hidden": False,
        }


@dataclass(frozen=True, slots=True)
class Field:
    """A field definition. ``column`` is its column in the SQL table of the type.

    ``entry`` is how objects list the field while it has no value.
    """

    id: str
    name: str
    data_type: str
    spec: FieldSpec
    column: str
    enum: Mapping[str, EnumValue]
    entry: Mapping[str, Any]

    def as_json(self) -> dict[str, object]:
        """Return the field definition of GET /types/{name}."""
        definition: dict[str, object] = {
            "id": self.id,
            "name": self.name,
            "localized_label": self.name.partition(":")[2] or self.name,
            "data_type": self.data_type,
            "required": self.spec.required,
            "read_only": self.spec.read_only,
        }
        if self.enum:
            definition["enum_values"] = [value.as_json() for value in self.enum.values()]
        return definition


@dataclass(frozen=True, slots=True)
class ObjectType:
    """An object type of this installation; ``fields`` is in the order in which answers list them."""

    id: str
    name: str
    spec: TypeSpec
    fields: Mapping[str, Field]

    @property
    def key(self) -> str:
        """The catalogue's fixed name of the type."""
        return self.spec.key


# The system fields are columns of their own; every other field is f<n>.
SYSTEM_COLUMNS = {
    "Resource ID": "id",
    "Name": "name",
    "Title": "title",
    "Description": "description",
    "Comment": "comment",
    "Location": "location",
    "Creation Date": "created",
    "Created By": "created_by",
    "Last Modification Date": "modified",
    "Last Modified By": "modified_by",
}


def _field(number: str, spec: FieldSpec, column: str, enum: Mapping[str, EnumValue]) -> Field:
    entry = {"id": number, "data_type": spec.data_type, "name": spec.name, "has_changed": False}
    return Field(number, spec.name, spec.data_type, spec, column, enum, entry)


class _Ids:
    """Gives out distinct numbers from a range, none of them publicly known."""

    def __init__(self, generator: random.Random, numbers: range) -> None:
        self._numbers = generator.sample([n for n in numbers if n not in catalogue.IDS_SEEN_IN_PUBLIC], k=900)

    def take(self) -> str:
        return str(self._numbers.pop())


class Instance:
    """The types of one installation, found by number, by name or by catalogue key.

    ``model_group_type`` is the system name of the type labelled "Model Group", which is not public;
    None leaves the type out, as on consoles that do not have it.
    """

    def __init__(self, seed: int, model_group_type: str | None) -> None:
        generator = random.Random(f"console {seed}")
        self._type_ids = _Ids(generator, range(200, 1500))
        self._field_ids = _Ids(generator, range(10_000, 12_000))
        self._enum_ids = _Ids(generator, range(20_000, 30_000))
        self.first_object_id = generator.randrange(40_000, 90_000)
        self.first_user_id = generator.randrange(2_000, 9_000)
        self.workflow_ids = generator.sample(range(1_500, 2_000), k=100)
        shared: dict[str, Field] = {}
        self.system_order = generator.sample(catalogue.SYSTEM_FIELDS, k=len(catalogue.SYSTEM_FIELDS))
        self.types: dict[str, ObjectType] = {}
        self.all_types: list[ObjectType] = []
        for spec in catalogue.TYPES:
            fields = self._fields(spec, shared, generator)
            name = model_group_type if spec.key == catalogue.MODEL_GROUP else spec.key
            object_type = ObjectType(self._type_ids.take(), name or spec.key, spec, fields)
            self.all_types.append(object_type)
            if name is not None:
                self.types[spec.key] = object_type
        self._by_name = {object_type.name: object_type for object_type in self.types.values()}
        self._by_id = {object_type.id: object_type for object_type in self.types.values()}

    def _fields(self, spec: TypeSpec, shared: dict[str, Field], generator: random.Random) -> dict[str, Field]:
        groups: dict[str, list[FieldSpec]] = {}
        for field in spec.fields:
            groups.setdefault(field.name.partition(":")[0], []).append(field)
        order = generator.sample(sorted(groups), k=len(groups))
        wanted = [*self.system_order, *(f for g in order for f in sorted(groups[g], key=lambda f: f.name))]
        for field in wanted:
            if field.name not in shared:
                column = SYSTEM_COLUMNS.get(field.name, f"f{len(shared)}")
                shared[field.name] = _field(self._field_ids.take(), field, column, self._enum(field))
        return {field.name: shared[field.name] for field in wanted}

    def _enum(self, field: FieldSpec) -> dict[str, EnumValue]:
        return {
            name: EnumValue(self._enum_ids.take(), name, label, index)
            for index, (name, label) in enumerate(field.enum, start=1)
        }

    def find(self, id_or_name: object) -> ObjectType | None:
        """Return the type of that number or system name."""
        return self._by_id.get(str(id_or_name)) or self._by_name.get(str(id_or_name))

    def resolve(self, id_or_name: object) -> ObjectType:
        """Return the type of that number or system name. Raises ApiError (400) if there is none."""
        found = self.find(id_or_name)
        if found is None:
            raise bad_request(f"Unknown object type {str(id_or_name)[:200]!r}")
        return found

    def named(self, name: str) -> ObjectType:
        """Return the type of that system name, as queries write it. Raises ApiError (400)."""
        found = self._by_name.get(name)
        if found is None:
            raise bad_request(f"Unknown object type [{name[:200]}] in query")
        return found

    def __iter__(self) -> Iterator[ObjectType]:
        return iter(self.types.values())


def field_of(object_type: ObjectType, name: object) -> Field:
    """Return a type's field. Raises ApiError (400) if it has none of that name."""
    found = object_type.fields.get(name) if isinstance(name, str) else None
    if found is None:
        raise ApiError(400, f"Object type {object_type.name} has no field {str(name)[:200]!r}")
    return found
