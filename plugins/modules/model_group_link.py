#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_group_link
short_description: Links a model group to a use case
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Links a model group of a Governance console to a use case, moves it to another, or takes it away from one. Model
    groups that were made in SageMaker outside of the use case workflow need this once; the synchronisation keeps the
    link.
  - A model group belongs to one use case. Linking it to another ends the link that there was, and
    RV(previous_use_cases) says which that was.
requirements:
  - requests, on the host the module runs on
notes:
  - A run that changes nothing makes eleven requests, the login among them.
options:
  model_group:
    description:
      - Name or id of the model group, or the ARN of its model package group.
    type: str
    required: true
  use_case:
    description:
      - Name or id of the use case. It has to be directly under O(business_entity).
      - Needed with O(state=present). With O(state=absent) and without it, the model group is taken away from every use
        case.
    type: str
  business_entity:
    description:
      - Name or id of the root business entity of the connection. A model group that loses the use case it was made
        under hangs under the entity itself afterwards.
    type: str
    required: true
  state:
    description:
      - Whether the link shall be there.
    type: str
    choices: [present, absent]
    default: present
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
    details: The console is read in check mode too.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.use_case_info
  - module: wxgov.sagemaker.sync_existing_models
"""

EXAMPLES = r"""
- name: Link a model package group to a use case
  wxgov.sagemaker.model_group_link:
    model_group: arn:aws:sagemaker:eu-central-1:111122223333:model-package-group/churn
    use_case: Churn
    business_entity: Credit Risk
    console_url: https://console.example.com
    console_auth_method: mcsp
    console_api_key: "{{ console_api_key }}"
    console_instance_id: 4f1e6c52-0d55-4a0c-9d7b-5f2f3d9ad3a1
  register: linked

- name: Say where it was before
  ansible.builtin.debug:
    msg: It was linked to {{ linked.previous_use_cases | map(attribute='name') | join(', ') }}
  when: linked is changed

- name: Take it away from every use case
  wxgov.sagemaker.model_group_link:
    model_group: churn
    business_entity: Credit Risk
    state: absent
    console_url: https://console.example.com
    console_auth_method: mcsp
    console_api_key: "{{ console_api_key }}"
    console_instance_id: 4f1e6c52-0d55-4a0c-9d7b-5f2f3d9ad3a1
"""

RETURN = r"""
model_group:
  description:
    - The model group's C(id), C(name), C(arn) (none where it has none) and C(url).
  returned: success
  type: dict
  sample:
    id: "4702"
    name: churn
    arn: arn:aws:sagemaker:eu-central-1:111122223333:model-package-group/churn
    url: https://console.example.com/opgrc/app/jspview/react/grc/task-view/4702
use_cases:
  description:
    - The use cases that it is linked to now, or would be out of check mode, each with C(id) and C(name).
  returned: success
  type: list
  elements: dict
  sample: [{"id": "4650", "name": "Churn"}]
previous_use_cases:
  description:
    - The use cases that it was linked to before and is not any more.
  returned: success
  type: list
  elements: dict
  sample: [{"id": "4651", "name": "Retention"}]
operations:
  description:
    - What was done or would be done, in that order; V(link), V(make_primary) (another primary parent) and V(unlink),
      each with the C(id) and C(name) of the other object.
  returned: success
  type: list
  elements: dict
  sample: [{"action": "link", "id": "4650", "name": "Churn"}]
"""

from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ..module_utils.console.client import ConsoleClient
from ..module_utils.console_module import SYNC_OPTIONS, console_options, endpoint_of, sync_settings
from ..module_utils.console_opening import open_console
from ..module_utils.errors import WxgovError
from ..module_utils.preflight.console_checks import resolve_business_entity
from ..module_utils.sync.links import (
    LinkOperation,
    Place,
    after,
    apply_links,
    find_group,
    find_place,
    find_use_case,
    plan_link,
    plan_unlink,
)
from ..module_utils.sync.use_cases import Ref

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "model_group": {"type": "str", "required": True},
    "use_case": {"type": "str"},
    "business_entity": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **SYNC_OPTIONS,
    **console_options(env_fallback),
}


def main() -> None:
    """Read the options, plan, apply."""
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_if=[("state", "present", ["use_case"])],
        supports_check_mode=True,
    )
    try:
        client = open_console(endpoint_of(module.params))
        try:
            result = run(client, module.params, check_mode=module.check_mode)
        finally:
            client.close()
    except WxgovError as error:
        module.fail_json(msg=str(error))
    if not module._diff:
        del result["diff"]
    module.exit_json(**result)


def run(client: ConsoleClient, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Return the module's result; raises WxgovError."""
    settings = sync_settings(params)
    client.types().by_name(settings.business_entity_type)
    root = resolve_business_entity(client, params["business_entity"], settings.business_entity_type)
    entity = Ref(root.id, root.name)
    group = find_group(client, params["model_group"], settings)
    use_case = find_use_case(client, params["use_case"], entity, settings) if params["use_case"] else None
    place = find_place(client, group, settings)
    if params["state"] == "present" and use_case is not None:
        operations = plan_link(place, use_case)
    else:
        operations = plan_unlink(place, use_case.id if use_case else None, entity)
    if not check_mode:
        apply_links(client, group, operations)
    arn = group.fields.get(settings.arn_field)
    shown = {"id": group.id, "name": group.name, "arn": arn, "url": client.task_view_url(group.id)}
    return {"changed": bool(operations), "model_group": shown, **_outcome(place, operations)}


def _outcome(place: Place, operations: tuple[LinkOperation, ...]) -> dict[str, Any]:
    target = after(place, operations)
    gone = [asdict(ref) for ref in place.use_cases if ref not in target.use_cases]
    return {
        "use_cases": [asdict(ref) for ref in target.use_cases],
        "previous_use_cases": gone,
        "operations": [{"action": step.action, **asdict(step.target)} for step in operations],
        "diff": {"before": _diffed(place), "after": _diffed(target)},
    }


def _diffed(place: Place) -> dict[str, Any]:
    return {"use_cases": [ref.name for ref in place.use_cases], "primary_parent_id": place.primary_parent_id}


if __name__ == "__main__":
    main()
