# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody needs a console's types to be like, and all that is missing at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .client import ConsoleClient
from .errors import UnknownFieldError, UnknownTypeError
from .schema import ConsoleSchema, FieldDefinition, TypeDefinition


@dataclass(frozen=True, slots=True)
class NeededField:
    """A field. ``setting`` is the option that names another one, ``data_types`` what it may be (none: anything).

    A field with ``data_types`` has to be writable; ``values`` are names that its enumeration needs to have.
    """

    name: str
    setting: str
    data_types: frozenset[str] = frozenset()
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NeededType:
    """A type with its fields. ``name`` None is the model group type, found by its label."""

    name: str | None
    setting: str
    fields: tuple[NeededField, ...] = ()


TEXT = frozenset({"STRING_TYPE", "MEDIUM_STRING_TYPE", "LARGE_STRING_TYPE"})
NUMBER = frozenset({"FLOAT_TYPE", "DECIMAL_TYPE"})


def unmet(client: ConsoleClient, needed: Iterable[NeededType]) -> tuple[str, ...]:
    """Return one sentence for everything that the console lacks, with the option that names something else.

    One request for the list of types, and one for each type whose fields are needed; none for what is known already.
    Raises the errors of the console room where the console cannot be asked.
    """
    schema = client.types()
    found: list[str] = []
    for kind in needed:
        try:
            name = _type_name(schema, kind)
            definition = client.type_definition(name) if kind.fields else None
        except UnknownTypeError as error:
            found.append(_with_setting(error, kind.setting))
            continue
        if definition:
            found += [problem for field in kind.fields for problem in _field_problems(definition, field)]
    return tuple(dict.fromkeys(found))


def _type_name(schema: ConsoleSchema, kind: NeededType) -> str:
    return schema.model_group().name if kind.name is None else schema.by_name(kind.name).name


def _field_problems(definition: TypeDefinition, needed: NeededField) -> Iterator[str]:
    try:
        field = definition.field(needed.name)
    except UnknownFieldError as error:
        yield _with_setting(error, needed.setting)
        return
    what = f'The field "{field.name}" of the console\'s type {definition.name}'
    if needed.data_types and (field.read_only or field.data_type not in needed.data_types):
        wanted = " or ".join(sorted(needed.data_types))
        yield f"{what} is {_kind(field)}: it has to be a writable {wanted} ({needed.setting})."
    missing = [value for value in needed.values if value not in field.enum_values]
    if missing:
        yield f"{what} has no value {' and '.join(missing)} ({needed.setting})."


def _kind(field: FieldDefinition) -> str:
    return "read-only" if field.read_only else f"of the data type {field.data_type}"


def _with_setting(error: Exception, setting: str) -> str:
    return f"{str(error).rstrip('.')} ({setting})."
