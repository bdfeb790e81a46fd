# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""RAM calls are judged by identity policies and signatures, those with a query string in their address too."""

from __future__ import annotations

import pytest

from tests.unit.emulators.aws.clouds import EmulatedCloud, error_code
from tests.unit.emulators.aws.test_access import policy, role_client


@pytest.mark.parametrize(
    ("document", "allowed"),
    [
        (policy("ram:DeleteResourceShare"), True),
        (policy("ram:DeleteResourceShare", "arn:aws:ram:*:*:resource-share/*"), True),
        (policy("ram:DeleteResourceShare", "arn:aws:ram:*:*:resource-share/other"), False),
        (policy("ram:UpdateResourceShare"), False),
    ],
)
def test_deleting_a_share(cloud: EmulatedCloud, document: str, allowed: bool) -> None:
    ram = cloud.client("ram")
    arn = ram.create_resource_share(name="probe")["resourceShare"]["resourceShareArn"]
    theirs = role_client(cloud, "ram", document)
    if allowed:
        theirs.delete_resource_share(resourceShareArn=arn)
        (share,) = ram.get_resource_shares(resourceOwner="SELF")["resourceShares"]
        assert share["status"] == "DELETED"
    else:
        assert error_code(theirs.delete_resource_share, resourceShareArn=arn) == "AccessDeniedException"
