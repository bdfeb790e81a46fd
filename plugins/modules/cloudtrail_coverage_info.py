#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudtrail_coverage_info
short_description: Tells whether CloudTrail logs the registry calls that an EventBridge rule waits for
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - EventBridge gets C(AWS API Call via CloudTrail) events of SageMaker only while a CloudTrail trail that is logging
    records management write events of the region. Without one the rule is silent, and nothing says so.
  - This module looks at every trail that the region knows, shadow trails of other regions and organization trails
    included, and says which one covers the region, or of each why it does not.
  - Basic and advanced event selectors are understood, excluded event sources too.
options: {}
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
  - module: wxgov.sagemaker.eventbridge_rule
"""

EXAMPLES = r"""
- name: Look whether registry calls reach EventBridge
  wxgov.sagemaker.cloudtrail_coverage_info:
  register: coverage

- name: Say what is missing
  ansible.builtin.debug:
    msg: "{{ coverage.mend }}"
  when: not coverage.covered
"""

RETURN = r"""
covered:
  description: Whether one trail logs SageMaker's management write events in the region now.
  returned: success
  type: bool
  sample: true
region:
  description: The region that was looked at.
  returned: success
  type: str
  sample: us-east-1
trail:
  description: The trail that covers the region, with the keys of RV(trails). Null when none does.
  returned: success
  type: dict
  sample: {"name": "management", "arn": "arn:aws:cloudtrail:us-east-1:111122223333:trail/management"}
trails:
  description: All trails that the region knows of; when none covers it, those that live in other regions only, too.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The trail's name.
      returned: always
      type: str
      sample: management
    arn:
      description: The trail's ARN.
      returned: always
      type: str
      sample: arn:aws:cloudtrail:us-east-1:111122223333:trail/management
    home_region:
      description: The region the trail belongs to.
      returned: always
      type: str
      sample: us-east-1
    multi_region:
      description: Whether it logs events of all regions.
      returned: always
      type: bool
      sample: true
    organization:
      description: Whether it is an organization's trail.
      returned: always
      type: bool
      sample: false
    logging:
      description: Whether it is logging. Null for a trail that lives in another region only.
      returned: always
      type: bool
      sample: true
    covers:
      description: Whether it logs what the rule waits for.
      returned: always
      type: bool
      sample: false
    reasons:
      description: Why it does not.
      returned: always
      type: list
      elements: str
      sample: ["it is not logging"]
mend:
  description: One sentence that says what is missing and what to do. Empty when nothing is.
  returned: success
  type: str
  sample: No CloudTrail trail covers us-east-1; create one that logs management write events.
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.module import ModuleSession, fail
from ..module_utils.aws.trail import read_coverage
from ..module_utils.errors import WxgovError


def main() -> None:
    module = AnsibleAWSModule(argument_spec={}, supports_check_mode=True)
    session = ModuleSession(module)
    try:
        coverage = read_coverage(session.client("cloudtrail"), lambda region: session.client_in(region, "cloudtrail"))
    except WxgovError as error:
        fail(module, error)
    else:
        module.exit_json(changed=False, **coverage.as_result())


if __name__ == "__main__":
    main()
