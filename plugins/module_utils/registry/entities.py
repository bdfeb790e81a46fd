# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Model package groups and model packages as the synchronisation sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """ModelLifeCycle of a model package."""

    stage: str
    stage_status: str
    stage_description: str = ""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The model card inside a model package; ``content`` is the parsed JSON, {} where it is absent or withheld.

    ``readable`` False: the card has a content that we were not given, or cannot read. It must not be written over.
    """

    status: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Creator:
    """Who created an entity: a Studio user profile where there was one, else the IAM identity."""

    user_profile_name: str = ""
    iam_arn: str = ""
    source_identity: str = ""


@dataclass(frozen=True, slots=True)
class ModelPackageGroup:
    """A model package group; ``tags`` is None where the answer that it was read from does not tell."""

    arn: str
    name: str
    created_at: datetime
    description: str = ""
    creator: Creator = field(default_factory=Creator)
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """One version in a model package group."""

    arn: str
    group_name: str
    version: int
    created_at: datetime
    last_modified_at: datetime
    description: str = ""
    status: str = ""
    approval_status: str = ""
    approval_description: str = ""
    life_cycle: LifeCycle | None = None
    card: ModelCard | None = None
    creator: Creator = field(default_factory=Creator)
    metadata: Mapping[str, str] = field(default_factory=dict)
