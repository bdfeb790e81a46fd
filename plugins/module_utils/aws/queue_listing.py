# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many SQS queues at once: those of a name or of a prefix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .client import ServiceClient
from .errors import AwsError
from .queue import read_queue, read_queue_at
from .queue_plan import QueueState

_PAGE = 1000  # SQS gives a token for more only when told how many to give


def list_queues(sqs: ServiceClient, *, name: str | None = None, prefix: str = "") -> list[QueueState]:
    """The queue of this name, or all whose names begin with `prefix`: one call for 1000, two more for each."""
    if name is not None:
        found = [read_queue(sqs, name)]
    else:
        found = [read_queue_at(sqs, url.rsplit("/", 1)[-1], url) for url in _urls(sqs, prefix)]
    return [queue for queue in found if queue is not None]


def _urls(sqs: ServiceClient, prefix: str) -> list[str]:
    urls: list[str] = []
    wanted: dict[str, Any] = {"MaxResults": _PAGE, **({"QueueNamePrefix": prefix} if prefix else {})}
    while True:
        answer = sqs.call("list_queues", f"{prefix}*", **wanted)
        urls += answer.get("QueueUrls") or _none(answer)
        if not answer.get("NextToken"):
            return sorted(urls)
        wanted["NextToken"] = answer["NextToken"]


def _none(answer: Mapping[str, Any]) -> list[str]:
    """SQS leaves QueueUrls out where there are none, so an answer that is no JSON at all would look the same."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    if "json" in headers.get("content-type", "") or "xml" in headers.get("content-type", ""):
        return []
    raise AwsError(
        "sqs:ListQueues answered with something that is not SQS's; the answer cannot be trusted. Look for a proxy in "
        "between, and run again."
    )
