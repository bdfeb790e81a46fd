# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SageMaker model package groups: read one or many, make one what it should be.

`ensure_group` is what modules call; it needs a client and no Ansible module, so that one process can do many accounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timezone
from functools import partial
from typing import Any

from .arn import Arn
from .client import ServiceClient
from .documents import compact, parse_object
from .errors import AwsError
from .identity import AccountId
from .model_package_group_plan import DesiredGroup, GroupState, plan_group
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge

_SETTLED = ("Completed", "Failed", "DeleteFailed")
_CONFLICT = "ConflictException"

# SageMaker has no code of its own for what is not there, only texts of a ValidationException; AWS's own CloudFormation
# handlers for groups look for these (github.com/aws-cloudformation/aws-cloudformation-resource-providers-sagemaker).
_MISSING = ("does not exist", "cannot find model package group", "cannot find resource policy")


# --- reading --------------------------------------------------------------------------------------------------------


def read_group(sagemaker: ServiceClient, name: str) -> GroupState | None:
    """The group of this name in the client's account and region; three calls, one where there is none."""
    answer = _find(sagemaker, "describe_model_package_group", name)
    if answer is None:
        return None
    return _own_state(sagemaker, answer)


def _own_state(sagemaker: ServiceClient, answer: Mapping[str, Any]) -> GroupState:
    method = "describe_model_package_group"
    name = sagemaker.required(answer, "ModelPackageGroupName", method, "the group")
    arn = sagemaker.required(answer, "ModelPackageGroupArn", method, name)
    policy = _find(sagemaker, "get_model_package_group_policy", name)
    text = sagemaker.required(policy, "ResourcePolicy", "get_model_package_group_policy", name) if policy else ""
    tags = sagemaker.pages("list_tags", arn, "Tags", ResourceArn=arn)
    return GroupState(
        name=name,
        arn=arn,
        description=answer.get("ModelPackageGroupDescription") or None,
        status=sagemaker.required(answer, "ModelPackageGroupStatus", method, name),
        creation_time=_iso(sagemaker.required(answer, "CreationTime", method, name)),
        policy=parse_object(text, f"the policy of {name}") or None,
        tags={tag["Key"]: tag["Value"] for tag in tags},
    )


def _iso(moment: Any) -> str:
    return str(moment.astimezone(timezone.utc).isoformat(timespec="seconds"))


def _find(sagemaker: ServiceClient, method: str, name: str) -> dict[str, Any] | None:
    """A call on the group `name`; None when SageMaker says that it, or its policy, is not there."""
    try:
        return sagemaker.call(method, name, ModelPackageGroupName=name)
    except AwsError as error:
        if _is_missing(error):
            return None
        raise


def _is_missing(error: AwsError) -> bool:
    return error.code == "ValidationException" and any(text in str(error).lower() for text in _MISSING)


def list_groups(sagemaker: ServiceClient, prefix: str = "") -> list[GroupState]:
    """The account's own groups whose names begin with `prefix`: one call for 100, three more for each."""
    names = [summary["ModelPackageGroupName"] for summary in _summaries(sagemaker, prefix)]
    found = (read_group(sagemaker, name) for name in names)
    return [group for group in found if group is not None]


def list_shared_groups(sagemaker: ServiceClient, prefix: str = "") -> list[GroupState]:
    """The groups that other accounts share with this one; SageMaker tells neither their policies nor their tags."""
    summaries = _summaries(sagemaker, prefix, CrossAccountFilterOption="CrossAccount")
    return [
        GroupState(
            name=summary["ModelPackageGroupName"],
            arn=summary["ModelPackageGroupArn"],
            description=summary.get("ModelPackageGroupDescription") or None,
            status=summary["ModelPackageGroupStatus"],
            creation_time=_iso(summary["CreationTime"]),
        )
        for summary in summaries
    ]


def _summaries(sagemaker: ServiceClient, prefix: str, **wanted: Any) -> list[Mapping[str, Any]]:
    if prefix:
        wanted["NameContains"] = prefix  # narrows the list; SageMaker knows no prefixes
    found = sagemaker.pages(
        "list_model_package_groups",
        f"{prefix}*",
        "ModelPackageGroupSummaryList",
        SortBy="Name",
        SortOrder="Ascending",
        MaxResults=100,
        **wanted,
    )
    return [summary for summary in found if summary["ModelPackageGroupName"].startswith(prefix)]


def list_versions(sagemaker: ServiceClient, name: str) -> list[str]:
    """The ARNs of the model packages in a group; one call for 100."""
    found = sagemaker.pages(
        "list_model_packages", name, "ModelPackageSummaryList", ModelPackageGroupName=name, MaxResults=100
    )
    return [summary["ModelPackageArn"] for summary in found]


# --- ensuring -------------------------------------------------------------------------------------------------------


def ensure_group(
    sagemaker: ServiceClient, desired: DesiredGroup, *, account: AccountId, check_mode: bool, patience: Patience
) -> Outcome[GroupState]:
    """Make the group what it should be and read it back; in check mode only say what would be done."""
    current = read_group(sagemaker, desired.name)
    identity = partial(_future_arn, sagemaker, desired.name, account)
    plan = plan_group(desired, current, identity, partial(list_versions, sagemaker, desired.name))
    writer = _Writer(sagemaker, desired, patience, current.arn if current else "")
    return converge(plan, check_mode=check_mode, apply=writer.apply, read_back=writer.read_back)


def _future_arn(sagemaker: ServiceClient, name: str, account: AccountId) -> str:
    return str(Arn(sagemaker.partition, "sagemaker", sagemaker.region, account(), f"model-package-group/{name}"))


@dataclass(slots=True)
class _Writer:
    """Carries out the operations of one group; knows its ARN once it is made."""

    sagemaker: ServiceClient
    desired: DesiredGroup
    patience: Patience
    arn: str

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation, but for versions, which go one by one."""
        sagemaker, name = self.sagemaker, self.desired.name
        if operation.name == "create_model_package_group":
            self._create(operation)
        elif operation.name == "put_policy":
            text = compact(operation.after["policy"])
            method = "put_model_package_group_policy"
            sagemaker.call(method, name, ModelPackageGroupName=name, ResourcePolicy=text)
        elif operation.name == "delete_policy":
            _find(sagemaker, "delete_model_package_group_policy", name)
        elif operation.name == "delete_model_packages":
            self._delete_versions(operation.before["model_packages"])
        elif operation.name == "delete_model_package_group":
            self._delete()
        elif operation.name == "tag":
            tags = _tags(operation.after["tags"])
            sagemaker.call("add_tags", self.arn, ResourceArn=self.arn, Tags=tags)
        else:
            keys = list(operation.before["tags"])
            sagemaker.call("delete_tags", self.arn, ResourceArn=self.arn, TagKeys=keys)

    def _create(self, operation: Operation) -> None:
        name, after = self.desired.name, operation.after
        given = {"ModelPackageGroupDescription": after["description"], "Tags": _tags(after["tags"])}
        method = "create_model_package_group"
        answer = self.sagemaker.call(
            method, name, ModelPackageGroupName=name, **{key: value for key, value in given.items() if value}
        )
        self.arn = self.sagemaker.required(answer, "ModelPackageGroupArn", method, name)
        self._wait_until_made()

    def _wait_until_made(self) -> None:
        """A group takes no policy before it is complete."""
        method, name = "describe_model_package_group", self.desired.name

        def status() -> str:
            answer = _find(self.sagemaker, method, name)
            return str(answer["ModelPackageGroupStatus"]) if answer else "Pending"

        reached, _settled = self.patience.until(status, lambda answer: answer in _SETTLED)
        if reached == "Failed":
            raise AwsError(f"SageMaker could not make the model package group {name}; delete it and make it again.")

    def _delete_versions(self, arns: Sequence[str]) -> None:
        for arn in arns:
            try:
                self.sagemaker.call("delete_model_package", arn, ModelPackageName=arn)
            except AwsError as error:
                if not _is_missing(error):
                    raise

    def _delete(self) -> None:
        """With force, versions that were registered meanwhile or are still on their way out are no obstacle."""
        sagemaker, name = self.sagemaker, self.desired.name

        def ask() -> AwsError | None:
            try:
                _find(sagemaker, "delete_model_package_group", name)
            except AwsError as error:
                if error.code != _CONFLICT or not self.desired.force:
                    raise
                self._delete_versions(list_versions(sagemaker, name))
                return error
            return None

        refused, done = self.patience.until(ask, lambda answer: answer is None)
        if not done and refused is not None:
            raise refused

    def read_back(self, plan: Plan[GroupState]) -> tuple[GroupState | None, tuple[str, ...]]:
        """Read until the group shows what was written."""
        desired = self.desired

        def left(state: GroupState | None) -> tuple[Operation, ...]:
            if (state is None) == desired.present:
                return plan.operations
            return plan_group(desired, state, str, list).operations

        state, settled = self.patience.until(
            lambda: read_group(self.sagemaker, desired.name), lambda answer: not left(answer)
        )
        if settled:
            return state, ()
        late = ", ".join(operation.name for operation in left(state))
        return state, (f"SageMaker accepted the change of {desired.name} but does not show it yet: {late}.",)


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
