#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: business_entity
short_description: Manages a business entity at the root of a Governance console
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Makes, describes or removes a business entity without a parent, as each connection between a registry and a
    watsonx.governance console (OpenPages) needs one of its own.
  - An entity that is not empty is never removed; the message names what is in it.
requirements:
  - requests, on the host the module runs on
notes:
  - A run that changes nothing makes five requests, the login among them.
options:
  name:
    description:
      - Name of the entity. One of that name that hangs under another entity is an error.
    type: str
    required: true
  state:
    description:
      - Whether the entity shall be there. V(absent) removes it only while it is empty.
    type: str
    choices: [present, absent]
    default: present
  description:
    description:
      - What the entity is for. If not set, it is left alone; an empty text clears it.
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
  - module: wxgov.sagemaker.governance_connection
  - module: wxgov.sagemaker.use_case_info
"""

EXAMPLES = r"""
- name: Make a business entity for a connection
  wxgov.sagemaker.business_entity:
    name: Credit Risk
    description: Models of the credit risk department
    console_url: https://console.example.com
    console_auth_method: mcsp
    console_api_key: "{{ console_api_key }}"
    console_instance_id: 4f1e6c52-0d55-4a0c-9d7b-5f2f3d9ad3a1

- name: Remove it, if nothing is in it
  wxgov.sagemaker.business_entity:
    name: Credit Risk
    state: absent
    console_url: https://console.example.com
    console_auth_method: mcsp
    console_api_key: "{{ console_api_key }}"
    console_instance_id: 4f1e6c52-0d55-4a0c-9d7b-5f2f3d9ad3a1
"""

RETURN = r"""
business_entity:
  description:
    - The entity as it is now, or would be out of check mode; empty when it is absent.
  returned: success
  type: dict
  contains:
    id:
      description: The console's id; empty in check mode for an entity that would be made.
      type: str
      sample: "4577"
    name:
      description: Its name.
      type: str
      sample: Credit Risk
    description:
      description: What it is for.
      type: str
      sample: Models of the credit risk department
    url:
      description: Address of its page in the console; empty where the id is.
      type: str
      sample: https://console.example.com/opgrc/app/jspview/react/grc/task-view/4577
operations:
  description:
    - What was done or would be done; nothing, V(create), V(update) or V(delete).
  returned: success
  type: list
  elements: str
  sample: [create]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ..module_utils.console.client import ConsoleClient
from ..module_utils.console.objects import ConsoleObject
from ..module_utils.console_module import SYNC_OPTIONS, console_options, endpoint_of, sync_settings
from ..module_utils.console_opening import open_console
from ..module_utils.errors import WxgovError
from ..module_utils.preflight.business_entity import (
    WantedEntity,
    apply_entity,
    check_entity_name,
    find_root_entity,
    plan_absence,
    plan_presence,
)

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "description": {"type": "str"},
    "sync_business_entity_type": SYNC_OPTIONS["sync_business_entity_type"],
    **console_options(env_fallback),
}


def main() -> None:
    """Read the options, plan, apply."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        check_entity_name(module.params["name"])
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
    wanted = WantedEntity(params["name"], params["description"], sync_settings(params).business_entity_type)
    client.types().by_name(wanted.type_name)
    existing = find_root_entity(client, wanted.name, wanted.type_name)
    if params["state"] == "present":
        operations = plan_presence(existing, wanted)
    else:
        operations = plan_absence(existing, client.children(existing.id) if existing else ())
    entity = existing if check_mode else apply_entity(client, existing, wanted, operations)
    shown = _shown(client, entity)
    if check_mode and operations:
        absent = params["state"] == "absent"
        blank = {"id": "", "name": wanted.name, "url": "", "description": ""}
        shown = {} if absent else {**blank, **shown, "description": wanted.description or ""}
    return {
        "changed": bool(operations),
        "business_entity": shown,
        "operations": [operation.name for operation in operations],
        "diff": {
            "before": dict(operations[0].before) if operations else {},
            "after": dict(operations[0].after) if operations else {},
        },
    }


def _shown(client: ConsoleClient, entity: ConsoleObject | None) -> dict[str, str]:
    if entity is None:
        return {}
    url = client.task_view_url(entity.id)
    return {"id": entity.id, "name": entity.name, "description": entity.description, "url": url}


if __name__ == "__main__":
    main()
