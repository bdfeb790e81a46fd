# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types and fields of one console. Their numeric ids differ from console to console; their names do not."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .answers import expect_list, expect_mapping, expect_text, optional_text
from .errors import UnknownFieldError, UnknownTypeError

MODEL_GROUP_LABEL = "Model Group"
MODEL_GROUP_GUESS = "ModelGroup"


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """A field of a type; ``enum_values`` holds the names (not the labels) of an enumeration's values."""

    id: str
    name: str
    data_type: str
    required: bool = False
    read_only: bool = False
    enum_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TypeSummary:
    """A type as the list of types gives it: without its fields."""

    id: str
    name: str
    label: str


@dataclass(frozen=True, slots=True)
class TypeDefinition:
    """A type with its fields, by name."""

    id: str
    name: str
    label: str
    fields: Mapping[str, FieldDefinition] = dataclasses.field(default_factory=dict)

    def field(self, name: str) -> FieldDefinition:
        """Return the definition of a field. Raises UnknownFieldError, naming similar fields."""
        found = self.fields.get(name)
        if found is None:
            similar = _similar(name, self.fields)
            raise UnknownFieldError(f'The console\'s type {self.name} has no field "{name}".{similar}')
        return found


@dataclass(frozen=True, slots=True)
class ConsoleSchema:
    """The types of one console, by name."""

    types: Mapping[str, TypeSummary]

    def by_name(self, name: str) -> TypeSummary:
        """Return the type of that system name. Raises UnknownTypeError, naming similar types."""
        found = self.types.get(name)
        if found is None:
            raise UnknownTypeError(f'The console has no type "{name}".{_similar(name, self.types)}')
        return found

    def by_id(self, type_id: str) -> TypeSummary:
        """Return the type of that numeric id (or, as some answers have it, name). Raises UnknownTypeError."""
        for summary in self.types.values():
            if summary.id == type_id:
                return summary
        return self.by_name(type_id)

    def model_group(self, setting: str | None = None) -> TypeSummary:
        """Return the model group type: the one the setting names, else the one labelled "Model Group".

        The type's system name is not public, so the label decides. Raises UnknownTypeError, also where several match.
        """
        if setting:
            return self.by_name(setting)
        labelled = [summary for summary in self.types.values() if summary.label == MODEL_GROUP_LABEL]
        if len(labelled) > 1:
            names = ", ".join(sorted(summary.name for summary in labelled))
            raise UnknownTypeError(f'The console labels several types "{MODEL_GROUP_LABEL}": {names}. Name one.')
        if labelled:
            return labelled[0]
        if MODEL_GROUP_GUESS in self.types:
            return self.types[MODEL_GROUP_GUESS]
        raise UnknownTypeError(
            f'The console has no type labelled "{MODEL_GROUP_LABEL}" and none named {MODEL_GROUP_GUESS}: '
            "set the name of its model group type."
        )


def schema_from_answer(data: object) -> ConsoleSchema:
    """Read the answer of GET types. Raises BadAnswerError."""
    what = "The list of types"
    summaries = [
        TypeSummary(id=expect_text(entry, "id", what), name=expect_text(entry, "name", what), label=_label(entry))
        for entry in (expect_mapping(raw, what) for raw in expect_list(expect_mapping(data, what), "types", what))
    ]
    return ConsoleSchema({summary.name: summary for summary in summaries})


def type_from_answer(data: object) -> TypeDefinition:
    """Read the answer of GET types/{name}. Raises BadAnswerError."""
    what = "A type's definition"
    answer = expect_mapping(data, what)
    definitions = [_field_from_answer(raw) for raw in expect_list(answer, "field_definitions", what)]
    return TypeDefinition(
        id=expect_text(answer, "id", what),
        name=expect_text(answer, "name", what),
        label=_label(answer),
        fields={definition.name: definition for definition in definitions},
    )


def _field_from_answer(raw: object) -> FieldDefinition:
    what = "A field's definition"
    entry = expect_mapping(raw, what)
    values = expect_list(entry, "enum_values", what) if entry.get("enum_values") is not None else ()
    return FieldDefinition(
        id=expect_text(entry, "id", what),
        name=expect_text(entry, "name", what),
        data_type=expect_text(entry, "data_type", what),
        required=entry.get("required") is True,
        read_only=entry.get("read_only") is True,
        enum_values=tuple(expect_text(expect_mapping(value, what), "name", what) for value in values),
    )


def _label(entry: Mapping[str, object]) -> str:
    return (
        optional_text(entry, "localized_label")
        or optional_text(entry, "localizedLabel")
        or optional_text(entry, "label")
        or optional_text(entry, "name")
        or ""
    )


def _similar(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=3)
    return f" Similar: {', '.join(close)}." if close else ""
