# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARNs of the registry: model package groups and versioned model packages.

Shapes from the SageMaker API model in botocore (`ModelPackageGroupArn`, `VersionedArnOrName`, `EntityName`): a name has
1 to 63 letters, digits and inner hyphens; a version has 1 to 9 digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}"
_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]{0,20}):sagemaker:(?P<region>[a-z0-9-]{9,16}):(?P<account>[0-9]{12}):"
    rf"(?P<kind>model-package|model-package-group)/(?P<name>{_NAME})(?:/(?P<version>[0-9]{{1,9}}))?",
    re.ASCII,
)
_BARE_NAME = re.compile(_NAME, re.ASCII)

# Prefix of the region names of each partition but "aws" (botocore's partitions.json); the longest prefix comes first.
_PARTITIONS: tuple[tuple[str, str], ...] = (
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("us-iso-", "aws-iso"),
    ("us-gov-", "aws-us-gov"),
    ("eusc-", "aws-eusc"),
    ("cn-", "aws-cn"),
)


@dataclass(frozen=True, slots=True)
class GroupArn:
    """The ARN of a model package group."""

    partition: str
    region: str
    account: str
    name: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:sagemaker:{self.region}:{self.account}:model-package-group/{self.name}"


@dataclass(frozen=True, slots=True)
class PackageArn:
    """The ARN of a model package; ``version`` None is an unversioned package, which belongs to no group.

    SageMaker writes the name in lower case here even where the group's own ARN keeps capitals, so ``name`` is lower
    case and is not the group's name.
    """

    partition: str
    region: str
    account: str
    name: str
    version: int | None

    def __str__(self) -> str:
        arn = f"arn:{self.partition}:sagemaker:{self.region}:{self.account}:model-package/{self.name}"
        return arn if self.version is None else f"{arn}/{self.version}"


def parse_arn(text: object) -> GroupArn | PackageArn | None:
    """The registry entity that ``text`` names, in its one canonical spelling, or None."""
    found = _ARN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    place = (found["partition"], found["region"], found["account"])
    version = None if found["version"] is None else int(found["version"])
    if found["kind"] == "model-package":
        return PackageArn(*place, found["name"].lower(), version)
    return GroupArn(*place, found["name"]) if version is None else None


def is_name(text: object) -> bool:
    """Whether ``text`` can be the bare name of a group or package."""
    return isinstance(text, str) and _BARE_NAME.fullmatch(text) is not None


def partition_of(region: str) -> str:
    """The partition that a region belongs to, told by the region's name."""
    return next((partition for prefix, partition in _PARTITIONS if region.startswith(prefix)), "aws")
