# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Behaviours that no public record settles, each with the default that the evidence favours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from .errors import bad_request

CHOICES = {
    "post_existing": ("return_existing", "error"),
    "duplicate_names_in_folder": ("error", "return_existing", "allow"),
    "query_enum_shape": ("object", "string"),
    "error_shape": ("message", "error", "errors", "text", "empty"),
    "association_status": (200, 202, 204),
    "delete_status": (200, 202, 204),
}


@dataclass(frozen=True, slots=True)
class Switches:
    """How this console behaves where consoles may differ.

    post_existing              POST of a name that the primary parent has already: 201 with the old object, or 400
    duplicate_names_in_folder  the same name in the same folder, but under another primary parent
    put_clears_description     a PUT without description empties it; put_clears_title likewise
    query_enum_shape           an enumeration value in a query row is an object or its name
    in_operator                the query language knows IN
    max_limit                  larger limits of a query are cut to this
    default_limit              limit of a query that names none
    query_next                 a page that is not the last has a link to the next one
    query_offset_minutes       dates in query rows carry this offset from UTC
    token_seconds              life of a token
    token_minimal              the token endpoint answers with `token` alone
    *_max                      longest value of the string types, longest name
    model_group_type           system name of the type labelled "Model Group"; None: the console has no such type
    error_shape                body of an error: {"message"}, {"error": {"message"}}, {"errors": [{"message"}]}, plain
                               text, or nothing
    association_status         of a POST or DELETE of associations; delete_status of a DELETE of an object
    workflows                  creating an object starts the workflow of its type
    can_write                  the user may create, change and delete
    """

    post_existing: str = "return_existing"
    duplicate_names_in_folder: str = "error"
    put_clears_description: bool = True
    put_clears_title: bool = True
    query_enum_shape: str = "object"
    in_operator: bool = True
    max_limit: int = 500
    default_limit: int = 50
    query_next: bool = True
    query_offset_minutes: int = 120
    token_seconds: int = 3600
    token_minimal: bool = False
    name_max: int = 255
    string_max: int = 1024
    medium_string_max: int = 4000
    large_string_max: int = 32_000
    model_group_type: str | None = "ModelGroup"
    error_shape: str = "message"
    association_status: int = 200
    delete_status: int = 204
    workflows: bool = True
    can_write: bool = True

    def changed(self, values: Mapping[str, Any]) -> Switches:
        """Return switches with some values changed. Raises ApiError (400) for an unknown name or value."""
        known = {field.name for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise bad_request(f"There is no switch {name!r}; there are {', '.join(sorted(known))}")
            if name in CHOICES and value not in CHOICES[name]:
                raise bad_request(f"Switch {name} takes {' or '.join(map(str, CHOICES[name]))}, not {value!r}")
            present = getattr(self, name)
            if name not in CHOICES and name != "model_group_type" and type(value) is not type(present):
                raise bad_request(f"Switch {name} takes a {type(present).__name__}, not {value!r}")
        return replace(self, **values)

    def as_json(self) -> dict[str, Any]:
        """Return all switches by name."""
        return asdict(self)
