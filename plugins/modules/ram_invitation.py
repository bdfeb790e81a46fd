#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ram_invitation
short_description: Accepts or rejects an invitation to an AWS RAM resource share
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Answers, in the account that resources are shared with, the invitation to a resource share.
  - Waits until the invitation is there, for RAM needs a moment to send it.
  - Where the account sees the share already, nothing is done. That is so within an organization that shares without
    invitations, and long after an invitation was accepted, when RAM does not list it any more.
options:
  share_arn:
    description: The ARN of the share, as its owner's M(wxgov.sagemaker.ram_resource_share) returns it.
    type: str
  share_name:
    description: The name of the share, where its ARN is not at hand.
    type: str
  sender_account_id:
    description: The account that owns the share of that name, as 12 digits in quotes.
    type: str
  state:
    description: The answer. Neither can be taken back from here.
    type: str
    choices: [accepted, rejected]
    default: accepted
  wait:
    description:
      - Whether to wait until the invitation is there and until its answer shows.
      - An invitation to accept that does not come is an error; one to reject that does not come is none.
    type: bool
    default: true
  wait_timeout:
    description: For how many seconds to wait.
    type: int
    default: 120
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    support: full
    details:
      - It does not wait, and takes it that an invitation to accept that is not there yet will come.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.ram_resource_share
  - module: wxgov.sagemaker.ram_resource_share_info
"""

EXAMPLES = r"""
- name: Accept what the central registry's account shares
  wxgov.sagemaker.ram_invitation:
    share_name: central-registry
    sender_account_id: "111122223333"

- name: Reject what another account shares
  wxgov.sagemaker.ram_invitation:
    share_name: surprise
    sender_account_id: "555566667777"
    state: rejected
"""

RETURN = r"""
invitation:
  description: The invitation as it is now (in check mode, as it would be). Null when there is none to reject.
  returned: success
  type: dict
  contains:
    arn:
      description: The invitation's ARN. Null when the account sees the share and no invitation is listed.
      returned: always
      type: str
      sample: arn:aws:ram:us-east-1:111122223333:resource-share-invitation/32b639f0-14b8-7e8f-55ea-e6117EXAMPLE
    share_arn:
      description: The share's ARN. Null in check mode where only its name is known.
      returned: always
      type: str
      sample: arn:aws:ram:us-east-1:111122223333:resource-share/7ab63972-b505-7e2a-420d-6f5d3EXAMPLE
    share_name:
      description: The share's name. Null in check mode where only its ARN is known.
      returned: always
      type: str
      sample: central-registry
    sender_account_id:
      description: The account that shares.
      returned: always
      type: str
      sample: "111122223333"
    receiver_account_id:
      description: The account that is invited. Null when no invitation is listed.
      returned: always
      type: str
      sample: "444455556666"
    status:
      description: V(ACCEPTED) or V(REJECTED). V(ACCEPTED) also where the account sees the share without an invitation.
      returned: always
      type: str
      sample: ACCEPTED
operations:
  description: What was done (in check mode, what would be done).
  returned: success
  type: list
  elements: str
  sample: [accept_resource_share_invitation]
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.module import WAIT_OPTIONS, ModuleSession, finish
from ..module_utils.aws.plan import Outcome
from ..module_utils.aws.ram_invitation import (
    DesiredInvitation,
    InvitationState,
    check_invitation,
    ensure_invitation,
)

ARGUMENTS = {
    "share_arn": {"type": "str"},
    "share_name": {"type": "str"},
    "sender_account_id": {"type": "str"},
    "state": {"type": "str", "choices": ["accepted", "rejected"], "default": "accepted"},
    **WAIT_OPTIONS,
}


def desired_invitation(options: Mapping[str, Any], partition: str, region: str) -> DesiredInvitation:
    """The answer that the options ask for, checked."""
    desired = DesiredInvitation(
        answer=options["state"].upper(),
        share_arn=options["share_arn"],
        share_name=options["share_name"],
        sender_account_id=options["sender_account_id"],
    )
    check_invitation(desired, partition, region)
    return desired


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        required_one_of=[("share_arn", "share_name")],
        mutually_exclusive=[("share_arn", "share_name")],
        required_by={"sender_account_id": ("share_name",)},
    )
    session = ModuleSession(module)

    def work() -> Outcome[InvitationState]:
        ram = session.client("ram")
        return ensure_invitation(
            ram,
            desired_invitation(module.params, ram.partition, ram.region),
            account=session.account,
            check_mode=session.check_mode,
            patience=session.patience,
        )

    finish(module, "invitation", work)


if __name__ == "__main__":
    main()
