# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many objects at once, for benchmarks: straight into the database, as if created over the API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from . import catalogue
from .console import Console
from .contents import ROOT
from .errors import bad_request
from .instance import ObjectType, field_of
from .store import StoredObject, Value
from .values import from_json

# Name, primary parent, field values.
_New = tuple[str, int | None, Mapping[str, str]]

_BATCH = 5_000
_KEYS = {
    "business_entity": "SageMaker",
    "use_cases": 1,
    "model_groups": 1,
    "models_per_group": 1,
    "group_name": "group-{group:05d}",
    "model_name": "group-{group:05d}-v{version}",
    "group_fields": {},
    "fields": {},
}


def preload(console: Console, body: Mapping[str, Any]) -> dict[str, Any]:
    """Create one business entity, use cases, model groups and models, and return their ids.

    ``body`` may have business_entity (its name, new), use_cases, model_groups, models_per_group (numbers), group_name,
    model_name, group_fields and fields. Names and field values are templates with {group} and {version}, both from 1;
    the value of an enumeration field is its name. Groups go to the use cases in turn. Raises ApiError (400).
    """
    if set(body) - set(_KEYS):
        raise bad_request(f"preload takes {', '.join(_KEYS)}")
    plan = {**_KEYS, **body}
    user = console.users.get(console.account.user_name)
    if user is None:
        raise bad_request("The console has no default user")
    try:
        return _load(console, user.id, plan)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise bad_request(f"The preload cannot be read: {type(error).__name__}: {error}") from None


def _load(console: Console, user_id: int, plan: Mapping[str, Any]) -> dict[str, Any]:
    with console.store.transaction():
        maker = _Maker(console, user_id)
        entity_name = str(plan["business_entity"])
        entity = maker.create(catalogue.BUSINESS_ENTITY, [(entity_name, None, {})], f"/{entity_name}")[0]
        folder = f"/{entity_name}"
        uses: list[_New] = [(f"Use case {number}", entity, {}) for number in range(1, int(plan["use_cases"]) + 1)]
        use_cases = maker.create(catalogue.USE_CASE, uses, folder)
        groups = maker.create(catalogue.MODEL_GROUP, _groups(plan, use_cases or [entity]), folder)
        models = maker.create(catalogue.MODEL, _models(plan, groups), folder)
    return {
        "business_entity": str(entity),
        "use_cases": [str(number) for number in use_cases],
        "model_groups": [str(number) for number in groups],
        "models": len(models),
    }


def _groups(plan: Mapping[str, Any], parents: list[int]) -> Iterator[_New]:
    for group in range(1, int(plan["model_groups"]) + 1):
        fields = {name: text.format(group=group) for name, text in plan["group_fields"].items()}
        yield plan["group_name"].format(group=group), parents[(group - 1) % len(parents)], fields


def _models(plan: Mapping[str, Any], groups: list[int]) -> Iterator[_New]:
    for group, parent in enumerate(groups, start=1):
        for version in range(1, int(plan["models_per_group"]) + 1):
            fields = {name: text.format(group=group, version=version) for name, text in plan["fields"].items()}
            yield plan["model_name"].format(group=group, version=version), parent, fields


class _Maker:
    def __init__(self, console: Console, user_id: int) -> None:
        self._console = console
        self._user_id = user_id
        self._now = console.now()

    def create(self, type_key: str, wanted: Iterable[_New], folder: str) -> list[int]:
        """Create objects of one type and return their ids."""
        object_type = self._console.instance.types[type_key]
        defaults = {f.name: f.spec.default for f in object_type.fields.values() if f.spec.default is not None}
        source = iter(wanted)
        created: list[int] = []
        while batch := list(islice(source, _BATCH)):
            ids = self._console.store.take_ids(len(batch))
            self._console.store.insert(
                self._object(object_type, number, new, folder, defaults) for number, new in zip(ids, batch, strict=True)
            )
            created += ids
        return created

    def _object(
        self, object_type: ObjectType, number: int, new: _New, folder: str, defaults: Mapping[str, Value]
    ) -> StoredObject:
        name, parent, fields = new
        return StoredObject(
            id=number,
            type_key=object_type.key,
            name=name,
            title=name,
            description=None,
            comment=None,
            location=f"{ROOT}/{object_type.spec.folder}{folder}/{name}.txt",
            created=self._now,
            created_by=self._user_id,
            modified=self._now,
            modified_by=self._user_id,
            primary_parent=parent,
            fields={**defaults, **{key: self._value(object_type, key, text) for key, text in fields.items()}},
        )

    def _value(self, object_type: ObjectType, name: str, text: str) -> Value:
        field = field_of(object_type, name)
        given: Any = {"name": text} if field.data_type == catalogue.ENUM else text
        return from_json(field, given, self._console.switches)
