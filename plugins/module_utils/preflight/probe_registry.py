# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry's side of a probe: what it creates, and how that goes again."""

from __future__ import annotations

from typing import Any

from ..connection.model import Connection
from ..registry.arn import PACKAGE, RegistryArn, group_arn
from ..registry.errors import RegistryError
from ..registry.writer import RegistryWriter
from .aws_reader import AwsReader
from .errors import AwsDeniedError, AwsReadError, ProbeError
from .probe_marks import DESCRIPTION, Marks, group_in
from .registry_checks import NOTHING

POLICY_FILE = "playbooks/files/probe-policy.json"
_NOT_THERE = ("ResourceNotFound", "ValidationException")
"""What SageMaker says of a group or package that does not exist; the second of everything that is wrong with a call."""


class ProbeRegistry:
    """One registry with credentials that may create and delete in it; for one thread."""

    def __init__(self, reader: AwsReader, sagemaker: Any, connection: Connection, marks: Marks) -> None:
        self._reader = reader
        self._writer = RegistryWriter(sagemaker)
        self._connection = connection
        self._marks = marks

    def rehearse(self) -> None:
        """Do everything to a group that is not there (5 calls), so that a missing permission shows before one is.

        Creating a group itself, and tagging it, cannot be rehearsed: that is the probe's first call, and nothing is
        left where it is denied. Raises AwsDeniedError, AwsReadError, AwsSessionError.
        """
        name = f"{self._marks.prefix}-{NOTHING}"
        group = group_arn(self._connection.region, self._connection.account_id, name)
        package = str(RegistryArn(group.partition, group.region, group.account_id, PACKAGE, name, 1))
        rehearsals: tuple[tuple[str, dict[str, Any]], ...] = (
            ("list_model_package_groups", {"NameContains": name}),
            ("list_model_packages", {"ModelPackageGroupName": name}),
            ("create_model_package", {"ModelPackageGroupName": name, "SkipModelValidation": "All"}),
            ("delete_model_package", {"ModelPackageName": package}),
            ("delete_model_package_group", {"ModelPackageGroupName": name}),
        )
        for method, parameters in rehearsals:
            try:
                self._reader.call("sagemaker", method, **parameters)
            except AwsDeniedError:
                raise
            except AwsReadError as error:
                if error.code not in _NOT_THERE:
                    raise

    def create_group(self, name: str) -> str:
        """Create the probe's group and return its ARN (1 call). Raises ProbeError where that is refused."""
        try:
            return self._writer.create_group(name, description=DESCRIPTION, tags=self._marks.tags(name))
        except RegistryError as error:
            raise ProbeError(f"{error} The probe needs what {POLICY_FILE} allows.") from error

    def create_package(self, group_name: str) -> str:
        """Create a package in the probe's group and return its ARN (1 call). Raises RegistryCallError."""
        return self._writer.create_package(
            group_name,
            description=DESCRIPTION,
            life_cycle=None,
            card=None,
            metadata=None,
            client_token=group_name[-36:],  # the most that a token may have; its end is random
        )

    def delete_packages(self, group_name: str) -> None:
        """Delete what is in the group (1 call, and 1 a package); nothing to do where the group is gone."""
        for package in self._packages(group_name):
            # Whatever a listing may say, nothing but the probe's own is deleted.
            if (group_in(package) or "").lower() == group_name.lower():
                self._delete("delete_model_package", ModelPackageName=package)

    def delete_group(self, group_name: str) -> None:
        """Delete the group, which must be empty (1 call); nothing to do where it is gone."""
        self._delete("delete_model_package_group", ModelPackageGroupName=group_name)

    def leftovers(self, now: float) -> list[str]:
        """Return the names of groups that earlier probes have left (1 call for 100 groups, and 1 a suspect)."""
        listed = self._reader.pages(
            "sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList", NameContains=self._marks.prefix
        )
        suspects = {group["ModelPackageGroupName"]: group["ModelPackageGroupArn"] for group in listed}
        return [
            name
            for name, arn in suspects.items()
            if self._marks.is_leftover(name, now) and self._marks.is_tagged(name, self._writer.tags(arn))
        ]

    def has_group(self, name: str) -> bool:
        """Whether there is a group of that name (1 call for 100 groups with such a name)."""
        listed = self._reader.pages(
            "sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList", NameContains=name
        )
        return any(group["ModelPackageGroupName"].lower() == name.lower() for group in listed)

    def _packages(self, group_name: str) -> list[str]:
        try:
            listed = self._reader.pages(
                "sagemaker", "list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=group_name
            )
        except AwsReadError as error:
            if _is_gone(error):
                return []
            raise
        return [package["ModelPackageArn"] for package in listed]

    def _delete(self, method: str, **parameters: str) -> None:
        try:
            self._reader.call("sagemaker", method, **parameters)
        except AwsReadError as error:
            if not _is_gone(error):
                raise


def _is_gone(error: AwsReadError) -> bool:
    """SageMaker models no error for what is not there, only a ValidationException."""
    text = str(error).lower()
    says_so = "does not exist" in text or "could not find" in text or "cannot find" in text
    return error.code == "ResourceNotFound" or (error.code == "ValidationException" and says_so)
