#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module sync_existing_models: documentation and wiring; the work is in module_utils/sync."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: sync_existing_models
short_description: Synchronise the models that a registry already has
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Compares one or more SageMaker registries completely with the Governance console and makes the console agree.
  - A model package group becomes a model group, a model package becomes a model; what the registry no longer has is
    decommissioned in the console, never deleted.
  - Whatever is in step already is left alone, so that a second run writes nothing and a run that was cut off goes on
    where it stopped.
  - Runs on the host that holds the connections, see M(wxgov.sagemaker.governance_connection). While it runs, the agent
    on that host receives events but does not write to the same connection.
requirements:
  - boto3
  - requests
options:
  connections:
    description:
      - Names of the connections to synchronise.
      - Without it, every enabled connection.
    type: list
    elements: str
  connections_dir:
    description: The directory that M(wxgov.sagemaker.governance_connection) writes to.
    type: path
    default: /etc/wxgov-sagemaker/connections.d
  state_dir:
    description: The agent's state directory, where run records and locks are kept.
    type: path
    default: /var/lib/wxgov-sagemaker
  concurrency:
    description: How many objects are written to the console at the same time, from 1 to 64.
    type: int
    default: 4
  lock_timeout:
    description: Seconds to wait for another run over the same connection to end.
    type: int
    default: 60
  max_decommission_percent:
    description:
      - The largest share of a connection's objects, in percent, that may be decommissioned because the registry no
        longer lists them. It counts only beyond O(max_decommission_count) objects.
      - A registry that comes back empty holds everything back, whatever the numbers are.
    type: float
    default: 10.0
  max_decommission_count:
    description: So many objects may be decommissioned whatever their share is.
    type: int
    default: 10
  allow_mass_decommission:
    description: Let any number of decommissions through.
    type: bool
    default: false
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
attributes:
  check_mode:
    support: full
    details: Reads both sides and reports the same outcomes and differences as a real run; writes on neither.
  diff_mode:
    support: full
    details: Of the first 1000 objects that change.
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.governance_connection
"""

EXAMPLES = r"""
- name: Show what a synchronisation of one connection would write
  wxgov.sagemaker.sync_existing_models:
    connections: [production]
  check_mode: true
  diff: true

- name: Synchronise every enabled connection
  wxgov.sagemaker.sync_existing_models:
    concurrency: 8

- name: Decommission the models of a registry that was cleaned up on purpose
  wxgov.sagemaker.sync_existing_models:
    connections: [playground]
    allow_mass_decommission: true
"""

RETURN = r"""
runs:
  description: One report a connection, in the order of O(connections).
  returned: always
  type: list
  elements: dict
  contains:
    connection:
      description: Name of the connection.
      type: str
      returned: always
      sample: production
    run_id:
      description: Id of the run record; empty in check mode, which records nothing.
      type: str
      returned: always
      sample: 5f0c4b1e2f5a4a0d9d0c7a4d3b1a2c3d
    listed:
      description: How many entities the registry has.
      type: dict
      returned: always
      sample: {"model_package_groups": 12, "model_packages": 60}
    counts:
      description: How many objects were (or would be) created, updated, decommissioned and restored, how many were in
        step already, how many the guard held back, and how many failed.
      type: dict
      returned: always
      sample: {"created": 72, "updated": 0, "decommissioned": 0, "restored": 0, "unchanged": 0, "held": 0, "failed": 0}
    outcomes:
      description: What became of each entity that was not in step; at most 1000.
      type: list
      elements: dict
      returned: always
      sample:
        - action: create
          arn: arn:aws:sagemaker:us-east-1:111122223333:model-package/churn/1
          error: ""
          kind: model
          name: churn-v1
          object_id: "4710"
    notes:
      description: Sentences for the reader, such as what the guard held back or which fields this console lacks.
      type: list
      elements: str
      returned: always
      sample: []
    error:
      description: What stopped the run before its end; empty if nothing did.
      type: str
      returned: always
      sample: ""
    seconds:
      description: How long the run took.
      type: float
      returned: always
      sample: 3.214
    calls:
      description: Requests by side and operation.
      type: dict
      returned: always
      sample: {"registry": {"Search": 2}, "console": {"POST query": 2, "POST contents": 72}}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import WxgovError
from ..module_utils.sync.existing import RunSettings
from ..module_utils.sync.guard import GuardSettings
from ..module_utils.sync.runner import run_connections, select_connections

ARGUMENT_SPEC = {
    "connections": {"type": "list", "elements": "str"},
    "connections_dir": {"type": "path", "default": "/etc/wxgov-sagemaker/connections.d"},
    "state_dir": {"type": "path", "default": "/var/lib/wxgov-sagemaker"},
    "concurrency": {"type": "int", "default": 4},
    "lock_timeout": {"type": "int", "default": 60},
    "max_decommission_percent": {"type": "float", "default": 10.0},
    "max_decommission_count": {"type": "int", "default": 10},
    "allow_mass_decommission": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    if not 1 <= module.params["concurrency"] <= 64:
        module.fail_json(msg=f"concurrency is {module.params['concurrency']}; it must be from 1 to 64.")
    settings = RunSettings(
        concurrency=module.params["concurrency"],
        check=module.check_mode,
        guard=GuardSettings(
            max_percent=module.params["max_decommission_percent"],
            max_count=module.params["max_decommission_count"],
            allow=module.params["allow_mass_decommission"],
        ),
    )
    try:
        connections = select_connections(module.params["connections_dir"], module.params["connections"])
        runs = run_connections(connections, settings, module.params["state_dir"], module.params["lock_timeout"])
    except WxgovError as error:
        module.fail_json(msg=str(error))
    result = {
        "changed": any(run.report.changed for run in runs),
        "runs": [run.as_dict() for run in runs],
        "diff": [run.report.diff() for run in runs],
    }
    failures = [f"{run.report.connection}: {run.failure}" for run in runs if run.failure]
    if failures:
        module.fail_json(msg="Not everything was synchronised. " + " ".join(failures), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
