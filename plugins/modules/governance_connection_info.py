#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: governance_connection_info
short_description: Lists connections between SageMaker Model Registries and Governance consoles
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Reads the connections that M(wxgov.sagemaker.governance_connection) has written on this host or to AWS Secrets
    Manager.
  - One that cannot be used is reported and does not hide the others.
options:
  name:
    description:
      - Only the connection of this name. If there is none, the list is empty.
    type: str
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - wxgov.sagemaker.connections
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.governance_connection
"""

EXAMPLES = r"""
- name: Look at all connections
  wxgov.sagemaker.governance_connection_info:
  register: found

- name: Stop if a connection cannot be used
  ansible.builtin.assert:
    that: found.problems | length == 0
"""

RETURN = r"""
connections:
  description:
    - The connections, by name. Each has the keys that M(wxgov.sagemaker.governance_connection) returns under
      RV(wxgov.sagemaker.governance_connection#module:connection); secrets are hidden.
  returned: always
  type: list
  elements: dict
  sample:
    - name: credit-risk
      enabled: true
      account_id: "111122223333"
      region: eu-central-1
problems:
  description:
    - What is wrong with files that cannot be used.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the connection.
      type: str
      sample: old
    message:
      description: What is wrong, and with which file.
      type: str
      sample: /etc/wxgov-sagemaker/connections.d/old.json cannot be used. It is not valid JSON.
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.connection.plan import shown
from ..module_utils.connections_module import STORE_OPTIONS, store_of
from ..module_utils.errors import WxgovError


def main() -> None:
    """Read the options, list the connections."""
    module = AnsibleModule(
        argument_spec={"name": {"type": "str"}, **STORE_OPTIONS},
        supports_check_mode=True,
    )
    name = module.params["name"]
    try:
        loaded = store_of(module.params).load_all()
    except WxgovError as error:
        module.fail_json(msg=str(error))
    connections = [shown(connection) for connection in loaded.connections if name in (None, connection.name)]
    problems = [{"name": key, "message": text} for key, text in loaded.problems.items() if name in (None, key)]
    module.exit_json(changed=False, connections=connections, problems=problems)


if __name__ == "__main__":
    main()
