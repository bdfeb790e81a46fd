#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: use_case_info
short_description: Lists the use cases of a business entity
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Lists the use cases directly under a business entity of a Governance console, with status, owner and model groups.
    The entity need not be a use case's primary parent.
  - Use cases under a child of the entity are listed apart, because the synchronisation leaves them alone. To have one
    synchronised, associate it with the entity itself.
requirements:
  - requests, on the host the module runs on
notes:
  - Makes nine requests, the login among them, one more for each entity under the entity, and one more for each
    further 500 use cases or model groups.
options:
  business_entity:
    description:
      - Name or id of the business entity. It has to be at the root.
    type: str
    required: true
  use_case:
    description:
      - Only the use case of this name or id. If there is none, the lists are empty.
    type: str
  statuses:
    description:
      - Only use cases in one of these statuses, such as V(Approved for Development).
    type: list
    elements: str
    default: []
  sync_arn_field:
    description:
      - The console's field that holds the ARN of a model group, if it is not V(Integration:External ID).
    type: str
  sync_model_group_type:
    description:
      - System name of the console's type of model groups, if it is not the one labelled C(Model Group).
    type: str
  sync_use_case_type:
    description:
      - System name of the console's type of use cases, if it is not V(Register).
    type: str
  sync_business_entity_type:
    description:
      - System name of the console's type of business entities, if it is not V(SOXBusEntity).
    type: str
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - wxgov.sagemaker.console
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.business_entity
  - module: wxgov.sagemaker.model_group_link
"""

EXAMPLES = r"""
- name: Look at the approved use cases of an entity
  wxgov.sagemaker.use_case_info:
    business_entity: Credit Risk
    statuses: [Approved for Development]
    console_url: https://console.example.com
    console_auth_method: mcsp
    console_api_key: "{{ console_api_key }}"
    console_instance_id: 4f1e6c52-0d55-4a0c-9d7b-5f2f3d9ad3a1
  register: found

- name: Name those that are not synchronised
  ansible.builtin.debug:
    msg: "{{ item.name }} hangs under {{ item.entities | map(attribute='name') | join(', ') }}"
  loop: "{{ found.not_synchronized }}"
"""

RETURN = r"""
business_entity:
  description:
    - The entity's C(id) and C(name).
  returned: success
  type: dict
  sample: {"id": "4577", "name": "Credit Risk"}
use_cases:
  description:
    - The use cases directly under the entity.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The console's id.
      type: str
      sample: "4650"
    name:
      description: Its name.
      type: str
      sample: Churn
    title:
      description: Its title.
      type: str
      sample: Churn
    description:
      description: Its description.
      type: str
      sample: Who is about to leave
    status:
      description: Name of its status; none where it has no status.
      type: str
      sample: Approved for Development
    owner:
      description: User name of its owner; none where it has no owner.
      type: str
      sample: jdoe
    location:
      description: Its path in the console.
      type: str
      sample: /_op_sox/Project/Default/ICDocumentation/Registers/Credit Risk/Churn
    modified_at:
      description: When it was last changed, as the console writes it.
      type: str
      sample: "2026-07-20T17:29:20.000+02:00"
    url:
      description: Address of its page in the console.
      type: str
      sample: https://console.example.com/opgrc/app/jspview/react/grc/task-view/4650
    entities:
      description: The business entities looked at that it hangs under, each with C(id) and C(name).
      type: list
      elements: dict
      sample: [{"id": "4577", "name": "Credit Risk"}]
    model_groups:
      description: Its model groups, each with C(id), C(name) and C(arn) (none where it has none).
      type: list
      elements: dict
      sample:
        - id: "4702"
          name: churn
          arn: arn:aws:sagemaker:eu-central-1:111122223333:model-package-group/churn
not_synchronized:
  description:
    - The use cases that hang under a child of the entity and not under the entity itself. The keys are those of
      RV(use_cases); C(model_groups) is empty.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ..module_utils.console.client import ConsoleClient
from ..module_utils.console_module import SYNC_OPTIONS, console_options, endpoint_of, sync_settings
from ..module_utils.console_opening import open_console
from ..module_utils.errors import WxgovError
from ..module_utils.preflight.console_checks import resolve_business_entity
from ..module_utils.sync.use_cases import Filter, UseCase, UseCaseReader

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "business_entity": {"type": "str", "required": True},
    "use_case": {"type": "str"},
    "statuses": {"type": "list", "elements": "str", "default": []},
    **SYNC_OPTIONS,
    **console_options(env_fallback),
}


def main() -> None:
    """Read the options, list the use cases."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        client = open_console(endpoint_of(module.params))
        try:
            result = run(client, module.params)
        finally:
            client.close()
    except WxgovError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def run(client: ConsoleClient, params: dict[str, Any]) -> dict[str, Any]:
    """Return the module's result; raises WxgovError."""
    settings = sync_settings(params)
    client.types().by_name(settings.business_entity_type)
    entity = resolve_business_entity(client, params["business_entity"], settings.business_entity_type)
    wanted = Filter(params["use_case"], params["statuses"])
    found = UseCaseReader(client, settings).under(entity.id, wanted)
    return {
        "changed": False,
        "business_entity": {"id": entity.id, "name": entity.name},
        "use_cases": [_shown(client, case) for case in found.managed],
        "not_synchronized": [_shown(client, case) for case in found.misplaced],
    }


def _shown(client: ConsoleClient, case: UseCase) -> dict[str, Any]:
    return {**asdict(case), "url": client.task_view_url(case.id)}


if __name__ == "__main__":
    main()
