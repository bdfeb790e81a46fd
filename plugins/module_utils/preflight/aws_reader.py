# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls to AWS for checks: each gives what was asked for, or one error that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..connection.aws_session import client_for
from ..errors import WxgovError
from .errors import AwsAbsentError, AwsDeniedError, AwsReadError

_DENIED = frozenset(("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"))
_ABSENT = frozenset(
    (
        "NonExistentQueue",
        "QueueDoesNotExist",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "TrailNotFoundException",
    )
)


class AwsReader:
    """One account and region through a boto3.Session; for one thread."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def region(self) -> str:
        """The session's region."""
        return str(self._session.region_name)

    def call(
        self, service: str, method: str, *, region: str = "", must_have: str = "", **parameters: Any
    ) -> Mapping[str, Any]:
        """Return the answer of a client's method. Raises AwsDeniedError, AwsAbsentError, AwsReadError, AwsSessionError.

        ``region`` is asked in place of the session's own. ``must_have`` is a member that every true answer has:
        botocore turns a broken body into an empty answer.
        """
        client = self._client(service, region)
        action = f"{service}:{client.meta.method_to_api_mapping[method]}"
        try:
            answer: Mapping[str, Any] = getattr(client, method)(**parameters)
        except WxgovError:  # of the role that is assumed for the call
            raise
        except Exception as error:  # botocore is imported by the room connection only; its errors have no other root
            raise _read_failed(action, error) from None
        if must_have and must_have not in answer:
            raise AwsReadError(f"The answer of {action} has no {must_have}: look for a proxy in between.")
        return answer

    def read(self, service: str, method: str, key: str, *, region: str = "", **parameters: Any) -> Any:
        """Return one member of an answer, which must be there."""
        return self.call(service, method, region=region, must_have=key, **parameters)[key]

    def pages(self, service: str, method: str, key: str, **parameters: Any) -> list[Any]:
        """Return a list's members from all pages (1 call a page)."""
        found: list[Any] = []
        more: dict[str, Any] = {}
        while True:
            answer = self.call(service, method, must_have=key, **parameters, **more)
            found += answer[key]
            if not answer.get("NextToken"):
                return found
            more = {"NextToken": answer["NextToken"]}

    def _client(self, service: str, region: str) -> Any:
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = client_for(self._session, service, region or None)
        return self._clients[key]


def _read_failed(action: str, error: Exception) -> AwsReadError:
    response: Mapping[str, Any] = getattr(error, "response", None) or {}
    details = response.get("Error") or {}
    code = str(details.get("Code", "")).rsplit(".", 1)[-1]
    message = str(details.get("Message", "")).strip()
    if code in _DENIED:
        return AwsDeniedError(f"AWS denies {action} to the credentials in use.", code, action)
    if code in _ABSENT:
        return AwsAbsentError(f"{action}: {message or code}", code)
    return AwsReadError(f"{action} failed ({code}): {message}" if code else f"{action} got no answer: {error}", code)
