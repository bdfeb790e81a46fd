#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: governance_preflight
short_description: Checks every link between a SageMaker Model Registry and a Governance console
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Looks at each link of the chain that a registry's event goes through, says which one is broken, and how to mend it.
    The links are the trail, the rule, its pattern and target, the queue's policy, the queue and its dead-letter queue,
    the role with its external id, the registry, the console's login, business entity, permissions, fields and default
    user, and the default profile.
  - Connections are looked at all at once, so that ten take as long as the slowest.
  - With O(probe=true) one marked model package group goes down the chain as well, until the agent has shown it in the
    console, and is removed again. RV(reports[].probe.hops) says how long each step took.
  - Run it where the agent runs, with the AWS credentials that the agent has.
requirements:
  - requests, on the host the module runs on
  - boto3, on the host the module runs on
notes:
  - The agent's credentials may not see CloudTrail and EventBridge, so somebody else has to look. That is the role of
    O(inspector_role_arn); without one, the process's own AWS credentials where they are of the connection's account;
    else the connection's own. What AWS denies to them is skipped, with the permission that is missing.
  - The collection's C(playbooks/files/inspector-policy.json) is the policy of an inspector, and
    C(playbooks/files/probe-policy.json) what the probe needs on top.
options:
  connections:
    description:
      - Names of the connections to look at. If not set, all are.
    type: list
    elements: str
  inspector_role_arn:
    description:
      - ARN of a role in the connection's account that may look at the chain. C({account_id}), C({region}) and
        C({connection}) in it stand for the connection's own.
    type: str
  inspector_external_id:
    description:
      - The external id that the inspector's role asks for.
    type: str
  fail_on:
    description:
      - From which status of a check on the module fails. With V(never) it only reports.
    type: str
    choices: [failed, warning, never]
    default: failed
  max_connections:
    description:
      - How many connections there may be.
    type: int
    default: 10
  probe:
    description:
      - Whether to send a probe down each connection's chain. It is sent only where no check failed and the connection
        is enabled.
      - The probe creates a model package group with one model package in the registry and waits for both in the
        console, deletes them and waits until the console shows that, and removes what it made in the console. It does
        so after a failure, too, and when it is interrupted; what an earlier probe could not remove, it removes first.
      - It needs credentials that may create and delete model packages and groups, the inspector's or else the
        connection's own. When they may not, nothing is created.
    type: bool
    default: false
  probe_prefix:
    description:
      - What the names of the probe's groups begin with. An inspector's policy can be narrowed to it.
    type: str
    default: wxgov-probe
  probe_timeout:
    description:
      - How many seconds each step of the probe may take. CloudTrail may hold an event back for some minutes.
    type: int
    default: 600
  probe_keep_objects:
    description:
      - Whether to leave the probe's decommissioned model and model group in the console.
    type: bool
    default: false
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - wxgov.sagemaker.connections
attributes:
  check_mode:
    support: full
    details: All checks are made in check mode too; a probe is not sent.
  diff_mode:
    support: N/A
    details: It changes nothing.
  idempotent:
    support: full
    details: A probe leaves nothing behind, unless O(probe_keep_objects=true).
seealso:
  - module: wxgov.sagemaker.governance_connection
  - module: wxgov.sagemaker.sync_run_info
"""

EXAMPLES = r"""
- name: Look at all connections
  wxgov.sagemaker.governance_preflight:
    inspector_role_arn: arn:aws:iam::{account_id}:role/wxgov-inspector
    inspector_external_id: "{{ inspector_external_id }}"

- name: Report on one connection without failing
  wxgov.sagemaker.governance_preflight:
    connections: [credit-risk]
    fail_on: never
  register: preflight

- name: Show what was seen, link by link
  ansible.builtin.debug:
    msg: "{{ preflight.reports[0].lines }}"

- name: Send a probe down the chain
  wxgov.sagemaker.governance_preflight:
    connections: [credit-risk]
    inspector_role_arn: arn:aws:iam::{account_id}:role/wxgov-inspector
    inspector_external_id: "{{ inspector_external_id }}"
    probe: true
"""

RETURN = r"""
msg:
  description: One sentence for each connection that needs a look, with its first broken link and how to mend it.
  returned: always
  type: str
  sample: >-
    credit-risk: aws.rule failed: Disabled: wxgov-sagemaker-credit-risk. Enable it: aws events enable-rule --name
    wxgov-sagemaker-credit-risk.
reports:
  description: A report for each connection.
  returned: when the connections could be read
  type: list
  elements: dict
  contains:
    connection:
      description: The connection's name.
      returned: always
      type: str
      sample: credit-risk
    ok:
      description: Whether no check failed.
      returned: always
      type: bool
      sample: false
    summary:
      description: The first broken link and how to mend it; the first warning where none is broken.
      returned: always
      type: str
      sample: "credit-risk: ok (21 checks)."
    checks:
      description: The checks in the order of the chain.
      returned: always
      type: list
      elements: dict
      contains:
        name:
          description:
            - C(connection.values), C(connection.enabled), C(aws.trail), C(aws.rule), C(aws.pattern), C(aws.target),
              C(aws.target_dead_letters), C(aws.queue_policy), C(aws.queue), C(aws.dead_letters), C(aws.role_assumable),
              C(aws.external_id_required), C(aws.account), C(aws.queue_access), C(registry.read), C(console.login),
              C(console.business_entity), C(console.permissions), C(console.fields), C(console.default_user),
              C(aws.default_profile), and C(probe) with O(probe=true).
          returned: always
          type: str
          sample: aws.rule
        status:
          description:
            - C(ok), C(warning) (it works or could not be told, and somebody should look), C(failed), or C(skipped)
              where there is nothing to look at, an earlier link is broken, or nobody may look.
          returned: always
          type: str
          sample: failed
        evidence:
          description: What was seen.
          returned: always
          type: str
          sample: "Disabled: wxgov-sagemaker-credit-risk."
        mend:
          description: What to do about it; empty where nothing is to be done.
          returned: always
          type: str
          sample: "Enable it: aws events enable-rule --name wxgov-sagemaker-credit-risk."
    lines:
      description: The checks as lines of text to print.
      returned: always
      type: list
      elements: str
      sample: ["credit-risk: ok (0.8 s)", "  + ok      aws.trail  The trail management logs the registry's calls."]
    seconds:
      description: How long the checks took, without the probe.
      returned: always
      type: float
      sample: 0.8
    probe:
      description: What became of the probe. Null without O(probe=true).
      returned: always
      type: dict
      contains:
        status:
          description: That of the check C(probe).
          returned: always
          type: str
          sample: ok
        group_arn:
          description: The ARN of the probe's group. Empty where none was created.
          returned: always
          type: str
          sample: arn:aws:sagemaker:eu-central-1:111122223333:model-package-group/wxgov-probe-69218a00-1f9c03b7
        package_arn:
          description: The ARN of its package. Empty where none was created.
          returned: always
          type: str
          sample: arn:aws:sagemaker:eu-central-1:111122223333:model-package/wxgov-probe-69218a00-1f9c03b7/1
        hops:
          description: The steps that were taken, each with C(name) and C(seconds).
          returned: always
          type: list
          elements: dict
          sample: [{"name": "console: model group shown", "seconds": 4.2}]
        stuck_at:
          description: The step that did not end. Empty where none got stuck.
          returned: always
          type: str
          sample: ""
        left_behind:
          description: What the probe made and could not remove, with the reason.
          returned: always
          type: list
          elements: str
          sample: []
        kept:
          description: Ids of the console objects that stay, with O(probe_keep_objects=true).
          returned: always
          type: list
          elements: str
          sample: []
        removed_leftovers:
          description: Groups of earlier probes that were cut off, which this one has removed.
          returned: always
          type: list
          elements: str
          sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.connections_module import STORE_OPTIONS, store_of
from ..module_utils.errors import WxgovError
from ..module_utils.preflight.inspection import InspectionSettings
from ..module_utils.preflight.inspector import InspectorSettings
from ..module_utils.preflight.probe import ProbeSettings
from ..module_utils.preflight.probe_marks import Marks
from ..module_utils.preflight.run import PreflightSettings, run_preflight

OPTIONS: dict[str, dict[str, Any]] = {
    "connections": {"type": "list", "elements": "str"},
    **STORE_OPTIONS,
    "inspector_role_arn": {"type": "str"},
    "inspector_external_id": {"type": "str", "no_log": True},
    "fail_on": {"type": "str", "choices": ["failed", "warning", "never"], "default": "failed"},
    "max_connections": {"type": "int", "default": 10},
    "probe": {"type": "bool", "default": False},
    "probe_prefix": {"type": "str", "default": "wxgov-probe"},
    "probe_timeout": {"type": "int", "default": 600},
    "probe_keep_objects": {"type": "bool", "default": False},
}


def main() -> None:
    """Read the options, let the preflight look, say what it saw."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        done = run_preflight(store_of(module.params), settings_of(module.params), check_mode=module.check_mode)
    except WxgovError as error:
        module.fail_json(msg=str(error))
    if done.failed:
        module.fail_json(**done.result())
    module.exit_json(**done.result())


def settings_of(params: dict[str, Any]) -> PreflightSettings:
    """Return what the options ask for. Raises ProbeError."""
    inspector = InspectorSettings(params["inspector_role_arn"] or None, params["inspector_external_id"] or None)
    probe = ProbeSettings(Marks(params["probe_prefix"]), params["probe_timeout"], params["probe_keep_objects"])
    return PreflightSettings(
        names=None if params["connections"] is None else tuple(params["connections"]),
        inspection=InspectionSettings(inspector, params["max_connections"]),
        probe=probe if params["probe"] else None,
        fail_on=params["fail_on"],
    )


if __name__ == "__main__":
    main()
