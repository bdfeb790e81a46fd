#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ram_resource_share
short_description: Manages an AWS RAM resource share
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Shares resources, such as SageMaker model package groups, with other accounts, organizational units or the whole
    organization, through AWS Resource Access Manager.
  - A new share is made in one call with all that is asked, so nobody ever sees it without its permission.
  - An option that is not set leaves the share as it is; an empty list clears.
  - An account outside of the organization gets an invitation; see M(wxgov.sagemaker.ram_invitation).
options:
  name:
    description:
      - The share's name. RAM allows several shares of one name; when there are, set O(arn).
      - With O(arn), the name that the share shall have.
    type: str
  arn:
    description: The ARN of a share that is there already.
    type: str
  state:
    description: Whether the share shall be there. Deleting it takes access away from all its principals at once.
    type: str
    choices: [present, absent]
    default: present
  resource_arns:
    description:
      - The ARNs of the resources that are shared. They belong to the account and, unless they are global, to the region
        of the task.
    type: list
    elements: str
  purge_resources:
    description: Whether resources that are not in O(resource_arns) are taken out of the share.
    type: bool
    default: true
  principals:
    description:
      - With whom the resources are shared, each an account id of 12 digits in quotes, the ARN of an organization, of an
        organizational unit, of an IAM role or user, or the name of an AWS service.
      - For organizations and their units, the management account has to enable sharing with the organization in RAM.
    type: list
    elements: str
  purge_principals:
    description: Whether principals that are not in O(principals) are taken out of the share.
    type: bool
    default: true
  permissions:
    description:
      - RAM permissions by ARN, or by name those that AWS manages, at most one for each type of resource. It takes the
        place of the one that the type has.
      - A type of resource for which none is given has AWS's default permission, or keeps the one it has.
    type: list
    elements: str
  allow_external_principals:
    description:
      - Whether accounts outside of the owner's organization can be principals. A new share lets them when this is not
        set.
    type: bool
  wait:
    description:
      - Whether to wait until RAM has associated all resources. Nobody waits for accounts to accept their invitation.
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
  - amazon.aws.tags
  - amazon.aws.boto3
attributes:
  check_mode:
    support: full
    details:
      - The ARN of a share that is yet to be made ends in V(known-when-the-share-is-made).
      - Permissions that RAM chooses by itself for a new type of resource are not foreseen.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.ram_resource_share_info
  - module: wxgov.sagemaker.ram_invitation
  - module: wxgov.sagemaker.model_package_group
"""

EXAMPLES = r"""
- name: Make the group that is shared
  wxgov.sagemaker.model_package_group:
    name: fraud-detection
  register: fraud

- name: Share it with another account
  wxgov.sagemaker.ram_resource_share:
    name: central-registry
    resource_arns:
      - "{{ fraud.group.arn }}"
    principals:
      - "444455556666"
    tags:
      team: governance

- name: Share it with one account more
  wxgov.sagemaker.ram_resource_share:
    name: central-registry
    principals:
      - "777788889999"
    purge_principals: false

- name: Let them register model packages in it
  wxgov.sagemaker.ram_resource_share:
    name: central-registry
    permissions:
      - AWSRAMPermissionSageMakerModelPackageGroupAllowRegister

- name: End it
  wxgov.sagemaker.ram_resource_share:
    name: central-registry
    state: absent
"""

RETURN = r"""
share:
  description: The share as it is now (in check mode, as it would be). Null when there is none.
  returned: success
  type: dict
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
      description: With whom they are shared, sorted; accounts that have not accepted yet included.
      returned: always
      type: list
      elements: str
      sample: ["444455556666"]
    permissions:
      description: The ARNs of the permissions, one for each type of resource, sorted.
      returned: always
      type: list
      elements: str
      sample: ["arn:aws:ram::aws:permission/AWSRAMPermissionSageMakerModelPackageGroupAllowRegister"]
    tags:
      description: The share's tags.
      returned: always
      type: dict
      sample: {"team": "governance"}
pending_principals:
  description:
    - Principals who have been invited and have not accepted yet, sorted. In check mode, those there are now.
  returned: success
  type: list
  elements: str
  sample: ["444455556666"]
operations:
  description: What was done (in check mode, what would be done), in order.
  returned: success
  type: list
  elements: str
  sample: [disassociate_resource_share, associate_resource_share]
"""

import uuid
from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.module import WAIT_OPTIONS, ModuleSession, finish
from ..module_utils.aws.plan import Outcome
from ..module_utils.aws.ram_share import ensure_share
from ..module_utils.aws.ram_share_plan import DesiredShare, ShareState, check_share
from ..module_utils.aws.tags import text_tags

ARGUMENTS = {
    "name": {"type": "str"},
    "arn": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "resource_arns": {"type": "list", "elements": "str"},
    "purge_resources": {"type": "bool", "default": True},
    "principals": {"type": "list", "elements": "str"},
    "purge_principals": {"type": "bool", "default": True},
    "permissions": {"type": "list", "elements": "str"},
    "allow_external_principals": {"type": "bool"},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
    **WAIT_OPTIONS,
}


def desired_share(options: Mapping[str, Any], partition: str, region: str) -> DesiredShare:
    """The share that the options ask for, checked, but for its permissions."""
    same_names = (
        *("name", "arn", "resource_arns", "purge_resources", "principals", "purge_principals"),
        *("allow_external_principals", "purge_tags"),
    )
    desired = DesiredShare(
        present=options["state"] == "present",
        tags=text_tags(options["tags"]),
        **{name: options[name] for name in same_names},
    )
    check_share(desired, partition, region)
    return desired


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True, required_one_of=[("name", "arn")])
    session = ModuleSession(module)

    def work() -> Outcome[ShareState]:
        ram = session.client("ram")
        return ensure_share(
            ram,
            desired_share(module.params, ram.partition, ram.region),
            module.params["permissions"],
            account=session.account,
            check_mode=session.check_mode,
            patience=session.patience,
            token=str(uuid.uuid4()),
        )

    finish(module, "share", work, lambda share: {"pending_principals": sorted(share.pending) if share else []})


if __name__ == "__main__":
    main()
