# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Amazon resource names: taking them apart, putting them together, saying what is wrong with one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InputError

ACCOUNT_ID = re.compile(r"\d{12}")
_PARTITION = re.compile(r"aws(-[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:partition:service:region:account:resource`; region and account are empty where the service has none."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @property
    def name(self) -> str:
        """The last part of the resource: a queue's, rule's or role's name."""
        return re.split(r"[/:]", self.resource)[-1]


def parse_arn(text: str, option: str, service: str = "") -> Arn:
    """The parts of an ARN; `option` and `service` only serve the error message and the check of the service."""
    parts = text.split(":", 5)
    wanted = f"arn:PARTITION:{service or 'SERVICE'}:REGION:ACCOUNT:RESOURCE"
    if len(parts) != 6 or parts[0] != "arn" or not _PARTITION.fullmatch(parts[1]) or not parts[5]:
        raise InputError(f"{option} is {text!r}, which is not an ARN; give one of the form {wanted}.")
    arn = Arn(*parts[1:])
    if service and arn.service != service:
        raise InputError(f"{option} is {text!r}, an ARN of the service {arn.service!r}; give one of {service!r}.")
    if arn.account not in ("", "aws") and not ACCOUNT_ID.fullmatch(arn.account):
        raise InputError(f"{option} is {text!r}, whose account {arn.account!r} is not 12 digits.")
    return arn


def parse_role_arn(text: str, option: str) -> Arn:
    """The parts of the ARN of an IAM role."""
    arn = parse_arn(text, option, "iam")
    if not arn.resource.startswith("role/") or not arn.account:
        raise InputError(
            f"{option} is {text!r}, which is not the ARN of a role; give one of the form "
            "arn:aws:iam::123456789012:role/NAME."
        )
    return arn


def check_partition(text: str | None, option: str, partition: str) -> None:
    """Raise InputError for an ARN of another partition than the region's; what is no ARN is passed over."""
    if not (text or "").startswith("arn:"):
        return
    arn = parse_arn(str(text), option)
    if arn.partition != partition:
        raise InputError(
            f"{option} is {text!r}, an ARN of the partition {arn.partition!r}, but the region in use is in "
            f"{partition!r}, and nothing reaches from one partition into another; set region, or give another ARN."
        )


def check_account_id(text: str, option: str) -> str:
    """The account id itself when it is 12 digits."""
    if not ACCOUNT_ID.fullmatch(text):
        raise InputError(
            f"{option} is {text!r}, but an account id has 12 digits; quote it, for YAML drops leading zeros."
        )
    return text
