# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many objects at once, for benchmarks: straight into the database, as if created over the API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from . import catalogue
from .console import Console
from .contents import ROOT
from .errors import bad_request
from .instance import ObjectType, field_of
from .store import StoredObject, Value
from .values import from_json

_BATCH = 5_000
_KEYS: Mapping[str, Any] = {
    "business_entity": "SageMaker",
    "use_cases": 1,
    "use_case_name": "Use case {use_case}",
    "use_case_description": "",
    "use_case_fields": {},
    "model_groups": 1,
    "group_name": "group-{group:05d}",
    "group_description": "",
    "group_fields": {},
    "models_per_group": 1,
    "model_name": "group-{group:05d}-v{version}",
    "description": "",
    "fields": {},
}


@dataclass(frozen=True, slots=True)
class _Template:
    """How the objects of one level are called and filled."""

    name: str
    description: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An object to be: its primary parent, and the numbers that its template takes."""

    parent: int | None
    numbers: Mapping[str, int]


def preload(console: Console, body: Mapping[str, Any]) -> dict[str, Any]:
    """Create a root business entity, use cases, model groups and models, and return their ids.

    ``body`` may have business_entity (its name); use_cases, model_groups, models_per_group (numbers); use_case_name,
    group_name, model_name; use_case_description, group_description, description; use_case_fields, group_fields, fields.
    Names, descriptions and field values are templates with {use_case}, {group} and {version}, all from 1; the value of
    an enumeration field is its name. Groups go to the use cases in turn. What is there under a name stays as it is.
    Returns {"business_entity": id, "use_cases": [id, …], "model_groups": [id, …], "models": number}.
    Raises ApiError (400).
    """
    if set(body) - set(_KEYS):
        raise bad_request(f"preload takes {', '.join(_KEYS)}")
    plan = {**_KEYS, **body}
    user = console.users.get(console.account.user_name)
    if user is None:
        raise bad_request("The console has no default user")
    try:
        with console.store.transaction():
            return _load(_Maker(console, user.id, str(plan["business_entity"])), plan)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise bad_request(f"The preload cannot be read: {type(error).__name__}: {error}") from None


def _load(maker: _Maker, plan: Mapping[str, Any]) -> dict[str, Any]:
    top = _Template(maker.entity.replace("{", "{{").replace("}", "}}"), "", {})
    entity = maker.create(catalogue.BUSINESS_ENTITY, top, [_Wanted(None, {})])[0]
    template = _Template(plan["use_case_name"], plan["use_case_description"], plan["use_case_fields"])
    numbers = range(1, int(plan["use_cases"]) + 1)
    use_cases = maker.create(catalogue.USE_CASE, template, (_Wanted(entity, {"use_case": n}) for n in numbers))
    template = _Template(plan["group_name"], plan["group_description"], plan["group_fields"])
    groups = maker.create(catalogue.MODEL_GROUP, template, _groups(int(plan["model_groups"]), use_cases or [entity]))
    template = _Template(plan["model_name"], plan["description"], plan["fields"])
    models = maker.create(catalogue.MODEL, template, _models(int(plan["models_per_group"]), groups, len(use_cases)))
    return {
        "business_entity": str(entity),
        "use_cases": [str(number) for number in use_cases],
        "model_groups": [str(number) for number in groups],
        "models": len(models),
    }


def _groups(count: int, parents: list[int]) -> Iterator[_Wanted]:
    for group in range(count):
        place = group % len(parents)
        yield _Wanted(parents[place], {"group": group + 1, "use_case": place + 1})


def _models(count: int, groups: list[int], use_cases: int) -> Iterator[_Wanted]:
    for group, parent in enumerate(groups):
        for version in range(1, count + 1):
            use_case = group % max(1, use_cases) + 1
            yield _Wanted(parent, {"group": group + 1, "version": version, "use_case": use_case})


class _Maker:
    """Creates objects that live in the folder of one root business entity."""

    def __init__(self, console: Console, user_id: int, entity: str) -> None:
        self.entity = entity
        self._console = console
        self._user_id = user_id
        self._now = console.now()

    def create(self, type_key: str, template: _Template, wanted: Iterable[_Wanted]) -> list[int]:
        """Create objects of one type and return their ids, those of objects that were there among them."""
        object_type = self._console.instance.types[type_key]
        defaults = {f.name: f.spec.default for f in object_type.fields.values() if f.spec.default is not None}
        source = iter(wanted)
        ids: list[int] = []
        while batch := list(islice(source, _BATCH)):
            new = [self._object(object_type, template, one, defaults) for one in batch]
            known = [self._known(one.location) for one in new]
            fresh = [one for one, there in zip(new, known, strict=True) if there is None]
            for one, number in zip(fresh, self._console.store.take_ids(len(fresh)), strict=True):
                one.id = number
            self._console.store.insert(fresh)
            ids += [one.id if there is None else there for one, there in zip(new, known, strict=True)]
        return ids

    def _known(self, location: str) -> int | None:
        rows = self._console.store.rows("SELECT id FROM directory WHERE path = ?", (location,))
        return int(str(rows[0][0])) if rows else None

    def _object(
        self, object_type: ObjectType, template: _Template, wanted: _Wanted, defaults: Mapping[str, Value]
    ) -> StoredObject:
        name = template.name.format(**wanted.numbers)
        values = {
            key: self._value(object_type, key, text.format(**wanted.numbers)) for key, text in template.fields.items()
        }
        return StoredObject(
            id=0,
            type_key=object_type.key,
            name=name,
            title=name,
            description=template.description.format(**wanted.numbers) or None,
            comment=None,
            location=f"{ROOT}/{object_type.spec.folder}/{self.entity}/{name}.txt",
            created=self._now,
            created_by=self._user_id,
            modified=self._now,
            modified_by=self._user_id,
            primary_parent=wanted.parent,
            fields={**defaults, **values},
        )

    def _value(self, object_type: ObjectType, name: str, text: str) -> Value:
        field = field_of(object_type, name)
        if field.data_type == catalogue.ENUM:
            return from_json(field, {"name": text}, self._console.switches)
        if field.data_type in catalogue.NUMBERS:
            return int(text) if field.data_type == catalogue.INTEGER else float(text)
        return from_json(field, text, self._console.switches)
