# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARNs of model package groups and model packages.

``arn:PARTITION:sagemaker:REGION:ACCOUNT:model-package-group/NAME``,
``arn:PARTITION:sagemaker:REGION:ACCOUNT:model-package/NAME/VERSION``; a package without version belongs to no group.
SageMaker writes the name in a package's ARN in lower case and keeps the case of a group's, so neither can be
made from the other by string operations; compare group names with :func:`group_key`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InvalidArnError

GROUP = "model-package-group"
PACKAGE = "model-package"

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sagemaker:(?P<region>[a-z0-9-]+):(?P<account_id>[0-9]{12})"
    r":(?P<kind>model-package-group|model-package)/(?P<name>[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)"
    r"(?:/(?P<version>[1-9][0-9]{0,8}))?"
)
_PARTITION_OF_PREFIX = (("us-gov-", "aws-us-gov"), ("cn-", "aws-cn"))


@dataclass(frozen=True, slots=True)
class RegistryArn:
    """A parsed ARN; ``version`` is None for groups and for unversioned packages."""

    partition: str
    region: str
    account_id: str
    kind: str
    name: str
    version: int | None = None

    def __str__(self) -> str:
        suffix = "" if self.version is None else f"/{self.version}"
        return f"arn:{self.partition}:sagemaker:{self.region}:{self.account_id}:{self.kind}/{self.name}{suffix}"

    @property
    def is_group(self) -> bool:
        """Whether this names a model package group."""
        return self.kind == GROUP


def parse_arn(text: str) -> RegistryArn:
    """Return the parts of an ARN. Raises InvalidArnError."""
    match = _ARN.fullmatch(text)
    if match is None or (match["kind"] == GROUP and match["version"]):
        raise InvalidArnError(f"{text!r} is not the ARN of a model package group or model package.")
    version = None if match["version"] is None else int(match["version"])
    return RegistryArn(match["partition"], match["region"], match["account_id"], match["kind"], match["name"], version)


def partition_of(region: str) -> str:
    """Return the AWS partition of a region by its name: aws, aws-us-gov or aws-cn."""
    return next((partition for prefix, partition in _PARTITION_OF_PREFIX if region.startswith(prefix)), "aws")


def group_arn(region: str, account_id: str, name: str) -> RegistryArn:
    """Return the ARN of a group of that name."""
    return RegistryArn(partition_of(region), region, account_id, GROUP, name)


def group_key(name: str) -> str:
    """Return what two spellings of one group's name have in common (package ARNs carry it in lower case)."""
    return name.lower()
