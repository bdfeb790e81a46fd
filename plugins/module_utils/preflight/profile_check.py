# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of the default profile, which links into SageMaker are made with."""

from __future__ import annotations

from ..connection.arns import parse_user_profile_arn
from ..connection.model import Connection
from ..connection.validation import partition_of
from ..errors import WxgovError
from .aws_reader import AwsReader
from .checks import Check
from .errors import AwsAbsentError
from .inspector import Inspector, look

PROFILE = "aws.default_profile"


def check_profile(connection: Connection, inspector: Inspector, reader: AwsReader) -> Check:
    """Check that the default profile is of the registry's account and region, and that it is there (1 call)."""
    arn = connection.default_profile_arn
    if arn is None:
        return Check(PROFILE, "skipped", "The connection has no default profile.")
    mend = "Give the connection's default_profile_arn the ARN of a user profile of the registry's account and region."
    try:
        profile = parse_user_profile_arn(arn)
    except WxgovError as error:
        return Check(PROFILE, "failed", str(error), mend)
    place = (profile.partition, profile.region, profile.account_id)
    wanted = (partition_of(connection.region), connection.region, connection.account_id)
    if place != wanted:
        evidence = f"The profile {arn} is in {', '.join(place)}, the registry in {', '.join(wanted)}."
        return Check(PROFILE, "failed", evidence, mend)

    def see() -> Check:
        try:
            status = reader.read(
                "sagemaker", "describe_user_profile", "Status", DomainId=profile.domain_id, UserProfileName=profile.name
            )
        except AwsAbsentError:
            return Check(PROFILE, "failed", f"There is no user profile {arn}.", mend)
        if status != "InService":
            return Check(PROFILE, "warning", f"The user profile {arn} is {status}.", "Look at it in SageMaker.")
        return Check(PROFILE, "ok", f"The user profile {arn} is in service.")

    return look(PROFILE, inspector, see, mend)
