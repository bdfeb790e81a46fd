# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types and fields of one console. Their numeric ids differ from console to console; their names do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import BadAnswer, UnknownField, UnknownType

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
    fields: Mapping[str, FieldDefinition] = field(default_factory=dict)

    def field(self, name: str) -> FieldDefinition:
        """Return the definition of a field. Raises UnknownField, naming similar fields."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class ConsoleSchema:
    """The types of one console, by name."""

    types: Mapping[str, TypeSummary]

    def by_name(self, name: str) -> TypeSummary:
        """Return the type of that system name. Raises UnknownType."""
        raise NotImplementedError

    def by_id(self, type_id: str) -> TypeSummary:
        """Return the type of that numeric id. Raises UnknownType."""
        raise NotImplementedError

    def model_group(self, setting: str | None = None) -> TypeSummary:
        """Return the model group type: the one the setting names, else the one labelled "Model Group". Raises UnknownType."""
        raise NotImplementedError
