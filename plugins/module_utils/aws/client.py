# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to call AWS: retried where AWS asks for patience, answered in one sentence where it refuses."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

try:
    import botocore
    import botocore.exceptions
except ImportError:
    botocore = None  # AnsibleAWSModule says so before anything here runs

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from .errors import AccessDenied, AwsError, InputError

# amazon.aws retries Throttling, RequestLimitExceeded, TooManyRequestsException and failures of the service itself; what
# EventBridge, SageMaker and SQS say instead is missing there.
RETRIED_CODES = (
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "AWS.SimpleQueueService.RequestThrottled",
    "RequestThrottledException",
    "InternalException",
    "ConcurrentModificationException",
    "ConcurrentModification",
    "ServiceUnavailableException",
)
_DENIED_CODES = frozenset(("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"))
_CREDENTIAL_CODES = frozenset(
    (
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
    )
)


# Reading botocore's list of regions costs 0.1 s of CPU, so it is asked only for a region that is not in this one.
USUAL_REGIONS = frozenset(
    ("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "sa-east-1", "mx-central-1")
    + ("eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3")
    + ("ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2")
    + ("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7")
    + ("af-south-1", "il-central-1", "me-central-1", "me-south-1")
    + ("us-gov-east-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1")
)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how patiently to call again, in seconds."""

    attempts: int = 10
    delay: float = 1.0
    longest_delay: float = 30.0


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """A boto3 client of one service; `prefix` is the service's prefix in IAM actions."""

    prefix: str
    client: Any
    retries: Retries = Retries()

    @property
    def partition(self) -> str:
        """The partition of the client's region: aws, aws-us-gov, aws-cn …"""
        return str(self.client.meta.partition)

    @property
    def region(self) -> str:
        """The client's region."""
        return str(self.client.meta.region_name)

    def call(self, method: str, resource: str, /, **parameters: Any) -> dict[str, Any]:
        """Call a boto3 method; `resource` names what it acts on, for error messages.

        Raises AccessDenied or AwsError.
        """
        retrying = AWSRetry.jittered_backoff(
            retries=self.retries.attempts,
            delay=self.retries.delay,
            max_delay=self.retries.longest_delay,
            catch_extra_error_codes=RETRIED_CODES,
        )
        try:
            answer: dict[str, Any] = retrying(getattr(self.client, method))(**parameters)
        except botocore.exceptions.ClientError as error:
            raise _from_answer(error, self._action(method), resource) from error
        except botocore.exceptions.BotoCoreError as error:
            raise AwsError(_without_answer(error, self._action(method), resource)) from error
        return answer

    def find(self, method: str, resource: str, absent: tuple[str, ...], /, **parameters: Any) -> dict[str, Any] | None:
        """`call` that answers None when AWS gives one of the codes `absent`."""
        try:
            return self.call(method, resource, **parameters)
        except AwsError as error:
            if error.code in absent:
                return None
            raise

    def pages(
        self,
        method: str,
        resource: str,
        key: str,
        token: tuple[str, str] = ("NextToken", "NextToken"),
        /,
        **parameters: Any,
    ) -> list[Any]:
        """All members of the list `key` over all pages; `token` names it in the answer and in the request."""
        members: list[Any] = []
        extra: dict[str, Any] = {}
        while True:
            answer = self.call(method, resource, **parameters, **extra)
            members += self.required(answer, key, method, resource)
            if not answer.get(token[0]):
                return members
            extra = {token[1]: answer[token[0]]}

    def required(self, answer: Mapping[str, Any], key: str, method: str, resource: str) -> Any:
        """The member of an answer that must be there: botocore turns a broken body into an empty answer."""
        if key not in answer:
            raise AwsError(
                f"{self._action(method)} on {resource} answered without {key}; "
                "the answer cannot be trusted, so nothing more was done. Run again."
            )
        return answer[key]

    def _action(self, method: str) -> str:
        return f"{self.prefix}:{self.client.meta.method_to_api_mapping.get(method, method)}"


def _from_answer(error: Any, action: str, resource: str) -> AwsError:
    answer = error.response.get("Error", {})
    code = str(answer.get("Code", "")).rsplit(".", 1)[-1]
    text = str(answer.get("Message", "")).strip()
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in _CREDENTIAL_CODES:
        return AwsError(f"AWS does not accept the credentials ({code}) for {action}: {text}", code=code)
    if code in _DENIED_CODES or status == 403:
        return AccessDenied(
            f"The credentials may not do {action} on {resource}; allow that action there. AWS says: {text}",
            code=code,
            details={"missing_permission": {"action": action, "resource": resource}},
        )
    return AwsError(f"{action} on {resource} failed ({code}): {text}", code=code)


def _without_answer(error: Exception, action: str, resource: str) -> str:
    if isinstance(error, botocore.exceptions.NoCredentialsError):
        return f"There are no AWS credentials for {action}; set access_key and secret_key, profile, or AWS_* variables."
    if isinstance(error, botocore.exceptions.ParamValidationError):
        text = re.sub(r"\s+", " ", str(error))
        return f"{action} on {resource} cannot be asked: {text}"
    return f"{action} on {resource} got no answer: {error}"


def check_region(region: str | None, known: Callable[[], frozenset[str]]) -> str:
    """The region itself when botocore knows it; InputError for none and for one that does not exist."""
    if region in USUAL_REGIONS:
        return str(region)
    if not region:
        raise InputError("No region is set; give the option region, or set AWS_REGION.")
    regions = known()
    if region in regions:
        return region
    close = difflib.get_close_matches(region, sorted(regions), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise InputError(
        f"The region {region!r} does not exist, as far as botocore {botocore.__version__} knows.{hint} "
        "A region newer than that needs a newer botocore."
    )
