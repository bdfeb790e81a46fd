# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, tags and tokens of what a use case gets in the registry. Pure.

Every one of them follows from the use case alone, so that a run that begins anew after it was cut off anywhere finds
what the earlier one made instead of making it twice.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Mapping

USE_CASE_TAG = "wxgov:use-case-id"
GROUP_TAG = "wxgov:model-group-id"
CONSOLE_TAG = "wxgov:console"

LONGEST_NAME = 63
"""SageMaker's EntityName: ``[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}``."""
LONGEST_DESCRIPTION = 1024
"""SageMaker's EntityDescription, which takes letters, marks, separators, symbols, numbers and punctuation."""
_LONGEST_TAG = 256
_NAMESPACE = uuid.UUID("5b0a3e0e-6f0c-5f0b-9a58-2c54a3f6d0b1")  # made for this purpose; changing it forgets tokens
_NOT_IN_TAGS = re.compile(r"[^\w\s.:/=+\-@]")


def group_names(title: str, use_case_id: str) -> tuple[str, ...]:
    """Return the names to try for a use case's model package group, best first.

    Lower case, because SageMaker writes a package's ARN so: two names that differ in case alone would share it.
    """
    slug = slugged(title)
    suffixes = ("", f"-{use_case_id}", *(f"-{use_case_id}-{number}" for number in range(2, 10)))
    return tuple(dict.fromkeys(slug[: LONGEST_NAME - len(suffix)].rstrip("-") + suffix for suffix in suffixes))


def slugged(text: str) -> str:
    """Return a name that SageMaker takes, as like to the text as that allows; ``use-case`` where nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_NAME].rstrip("-") or "use-case"


def group_tags(use_case_id: str, model_group_id: str, console_url: str) -> dict[str, str]:
    """Return the tags that say whose a model package group is, in the console's ids."""
    return {
        USE_CASE_TAG: use_case_id,
        GROUP_TAG: model_group_id,
        CONSOLE_TAG: _NOT_IN_TAGS.sub("-", console_url)[:_LONGEST_TAG],
    }


def is_ours(tags: Mapping[str, str], use_case_id: str, console_url: str) -> bool:
    """Whether a group's tags say that it was made for this use case of this console."""
    wanted = group_tags(use_case_id, "", console_url)
    return all(tags.get(key) == wanted[key] for key in (USE_CASE_TAG, CONSOLE_TAG))


def first_package_token(use_case_id: str, group_arn: str) -> str:
    """Return the client token of a group's first package: the same for every attempt to make it (36 characters)."""
    return str(uuid.uuid5(_NAMESPACE, f"{use_case_id} {group_arn}"))


def described(text: str) -> str:
    """Return a description that SageMaker takes: line breaks and other control characters become spaces."""
    printable = "".join(" " if unicodedata.category(char).startswith("C") else char for char in text)
    return " ".join(printable.split())[:LONGEST_DESCRIPTION].rstrip()
