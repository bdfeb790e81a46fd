#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ram_resource_share_info
short_description: Lists AWS RAM resource shares and invitations to them
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Lists the resource shares that the account owns, or those that other accounts share with it.
  - Lists the invitations that the account has received as well, answered ones for as long as RAM shows them.
options:
  name:
    description: Only shares of this name.
    type: str
  name_prefix:
    description: Only shares whose name begins so.
    type: str
  arn:
    description: Only the share with this ARN.
    type: str
  resource_owner:
    description:
      - V(SELF) is for shares that the account owns, V(OTHER-ACCOUNTS) for those that other accounts share with it.
    type: str
    choices: [SELF, OTHER-ACCOUNTS]
    default: SELF
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    support: full
    details:
      - It changes nothing in any mode.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: N/A
    details:
      - It changes nothing.
seealso:
  - module: wxgov.sagemaker.ram_resource_share
  - module: wxgov.sagemaker.ram_invitation
"""

EXAMPLES = r"""
- name: Look at a share that the account owns
  wxgov.sagemaker.ram_resource_share_info:
    name: central-registry

- name: See what other accounts share with this one
  wxgov.sagemaker.ram_resource_share_info:
    resource_owner: OTHER-ACCOUNTS
  register: received

- name: Say which invitations are open
  ansible.builtin.debug:
    msg: "{{ received.invitations | selectattr('status', 'equalto', 'PENDING') }}"
"""

RETURN = r"""
shares:
  description: The shares that are not deleted; an empty list when there are none.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The share's name.
      returned: always
      type: str
      sample: central-registry
    arn:
      description: The share's ARN.
      returned: always
      type: str
      sample: arn:aws:ram:us-east-1:111122223333:resource-share/7ab63972-b505-7e2a-420d-6f5d3EXAMPLE
    account_id:
      description: The account that owns the share.
      returned: always
      type: str
      sample: "111122223333"
    status:
      description: The share's status.
      returned: always
      type: str
      sample: ACTIVE
    allow_external_principals:
      description: Whether accounts outside of the owner's organization can be principals.
      returned: always
      type: bool
      sample: true
    resource_arns:
      description: The ARNs of the resources that are shared, sorted.
      returned: always
      type: list
      elements: str
      sample: ["arn:aws:sagemaker:us-east-1:111122223333:model-package-group/fraud-detection"]
    principals:
      description: With whom they are shared, sorted. Empty for shares of other accounts, for RAM tells only the owner.
      returned: always
      type: list
      elements: str
      sample: ["444455556666"]
    permissions:
      description: The ARNs of the permissions, sorted. Empty for shares of other accounts.
      returned: always
      type: list
      elements: str
      sample: ["arn:aws:ram::aws:permission/AWSRAMPermissionSageMakerModelPackageGroupAllowRegister"]
    tags:
      description: The share's tags. Empty for shares of other accounts.
      returned: always
      type: dict
      sample: {"team": "governance"}
    pending_principals:
      description: Principals who have been invited and have not accepted yet, sorted.
      returned: always
      type: list
      elements: str
      sample: []
invitations:
  description: The invitations that the account has received. Not narrowed by name.
  returned: success
  type: list
  elements: dict
  contains:
    arn:
      description: The invitation's ARN.
      returned: always
      type: str
      sample: arn:aws:ram:us-east-1:111122223333:resource-share-invitation/32b639f0-14b8-7e8f-55ea-e6117EXAMPLE
    share_arn:
      description: The share's ARN.
      returned: always
      type: str
      sample: arn:aws:ram:us-east-1:111122223333:resource-share/7ab63972-b505-7e2a-420d-6f5d3EXAMPLE
    share_name:
      description: The share's name.
      returned: always
      type: str
      sample: central-registry
    sender_account_id:
      description: The account that shares.
      returned: always
      type: str
      sample: "111122223333"
    receiver_account_id:
      description: The account that is invited.
      returned: always
      type: str
      sample: "444455556666"
    status:
      description: V(PENDING), V(ACCEPTED), V(REJECTED) or V(EXPIRED).
      returned: always
      type: str
      sample: PENDING
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.module import ModuleSession, fail
from ..module_utils.aws.ram_invitation import list_invitations
from ..module_utils.aws.ram_share import list_own_shares, list_received_shares
from ..module_utils.errors import WxgovError

ARGUMENTS = {
    "name": {"type": "str"},
    "name_prefix": {"type": "str"},
    "arn": {"type": "str"},
    "resource_owner": {"type": "str", "choices": ["SELF", "OTHER-ACCOUNTS"], "default": "SELF"},
}


def shares_and_invitations(session: ModuleSession, options: dict[str, Any]) -> dict[str, Any]:
    """The module's result."""
    ram = session.client("ram")
    list_shares = list_own_shares if options["resource_owner"] == "SELF" else list_received_shares
    shares = list_shares(ram, name=options["name"], arn=options["arn"], prefix=options["name_prefix"] or "")
    return {
        "shares": [{**share.as_result(), "pending_principals": sorted(share.pending)} for share in shares],
        "invitations": [invitation.as_result() for invitation in list_invitations(ram)],
    }


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        mutually_exclusive=[("name", "name_prefix", "arn")],
    )
    try:
        found = shares_and_invitations(ModuleSession(module), module.params)
    except WxgovError as error:
        fail(module, error)
    else:
        module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
