# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between an Ansible module and the AWS functions: clients from its options, results and errors to its exit.

This is the only file of the room that knows an Ansible module; everything else can be used for many accounts at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

try:
    import boto3
except ImportError:
    boto3 = None  # AnsibleAWSModule says so before anything here runs

from ..errors import WxgovError
from .client import USUAL_REGIONS, ServiceClient, check_region
from .errors import AwsError, InputError
from .identity import AccountId, caller_account
from .patience import Patience
from .plan import Outcome, Resource, describe

WAIT_OPTIONS: Mapping[str, Any] = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 120},
}


EVERYWHERE = "sqs"
"""A service that every region has."""


@dataclass(frozen=True, slots=True)
class ModuleSession:
    """Makes clients from the options of an `AnsibleAWSModule`."""

    module: Any

    def client_in(self, region: str, service: str) -> ServiceClient:
        """A client for another region than the module's; AWS named the region, so it is not checked."""
        return ServiceClient(service, self.module.client(service, region=region))

    def client(self, service: str, *, regional: bool = True) -> ServiceClient:
        """A client; a region that is unknown or lacks the service is an InputError. IAM and STS need none."""
        region = self.module.region
        if regional or region:
            check_region(region, lambda: known_regions(EVERYWHERE))
            check_offered(service if regional else EVERYWHERE, region)
            return ServiceClient(service, self.module.client(service))
        return self.client_in("us-east-1", service)

    @property
    def account(self) -> AccountId:
        """The account of the credentials in use, asked for when needed."""
        return caller_account(lambda: self.client("sts", regional=False))

    @property
    def check_mode(self) -> bool:
        """Whether nothing may be changed."""
        return bool(self.module.check_mode)

    @property
    def patience(self) -> Patience:
        """What the options `wait` and `wait_timeout` ask for."""
        return Patience(self.module.params["wait_timeout"] if self.module.params["wait"] else 0)


def check_offered(service: str, region: str) -> None:
    """Raise InputError for a region that botocore knows, but not with this service."""
    if region not in USUAL_REGIONS and region not in known_regions(service):
        raise InputError(
            f"The region {region!r} has no service {service!r}, as far as the installed botocore knows; "
            "choose another region, or install a newer botocore."
        )


def known_regions(service: str) -> frozenset[str]:
    """Every region of every partition where botocore knows the service."""
    session = boto3.session.Session()
    return frozenset(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions(service, partition)
    )


def finish(
    module: Any,
    key: str,
    work: Callable[[], Outcome[Any]],
    more: Callable[[Any], Mapping[str, Any]] = lambda state: {},
) -> None:
    """Do the work and end the module: with its outcome under `key`, or with the error's one sentence.

    The result has the same keys in check mode: `changed`, `operations`, `key`, those of `more`, `diff` in diff mode.
    """
    try:
        outcome = work()
    except WxgovError as error:
        fail(module, error)
    else:
        for warning in outcome.warnings:
            module.warn(warning)
        module.exit_json(**result_of(outcome, key, bool(module._diff)), **more(outcome.state))


def result_of(outcome: Outcome[Resource], key: str, with_diff: bool) -> dict[str, Any]:
    """An outcome as a module's result."""
    result: dict[str, Any] = {
        "changed": outcome.plan.changed,
        "operations": [operation.name for operation in outcome.plan.operations],
        key: describe(outcome.state),
    }
    if with_diff:
        result["diff"] = outcome.plan.diff()
    return result


def fail(module: Any, error: WxgovError) -> None:
    """End the module with an error's sentence and its details."""
    details = error.details if isinstance(error, AwsError) else {}
    module.fail_json(msg=str(error), **details)
