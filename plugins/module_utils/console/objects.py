# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of the Governance console, and how their JSON is read and written.

The shapes are those of OpenPages' GRC REST API V2, as recorded from a live console: ids are decimal strings,
a field without a value has no ``value`` key, an enumeration value is an object with ``name`` (some answers
give the bare string), and the names inside ``fields``, ``path`` and ``Location`` end in ``.txt``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from .errors import BadAnswer
from .schema import FieldDefinition, TypeDefinition

Scalar: TypeAlias = str | int | float | bool | tuple[str, ...]
"""A field's value: an enumeration is the *name* of its value, a multi-valued one a tuple of names, a date an ISO string."""

FIELDS_WITH_EXTENSION = frozenset({"Name", "Location"})
EXTENSION = ".txt"


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
    """An object to create; without a primary parent it becomes a root object."""

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
    that change need be given (the console merges them). A value of None clears the field.
    """

    type_name: str
    name: str
    title: str
    description: str
    fields: Mapping[str, Scalar | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Association:
    """One end of a parent-child link: the other object's id, the name of its type, and its name where it is given."""

    id: str
    type_name: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ConsoleUser:
    """A console account; fields of users (a model's owner, for one) hold ``user_name``."""

    id: str
    user_name: str
    active: bool
    emails: tuple[str, ...] = ()
