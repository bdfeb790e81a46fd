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
  state_dir:
    description: The agent's state directory, where run records and locks are kept.
    type: path
    default: /var/lib/wxgov-sagemaker
  concurrency:
    description:
      - How many objects of a connection are written at the same time, from 1 to 64.
      - A first load takes about objects × the console's answering time ÷ O(concurrency). A console that answers 429 is
        called more slowly, whatever is set here.
    type: int
    default: 4
  parallel_connections:
    description: How many connections are synchronised at the same time, from 1 to 32.
    type: int
    default: 4
  describe_all:
    description:
      - Only for a registry whose role or user is denied C(sagemaker:Search); needs C(sagemaker:ListModelPackages) and
        C(sagemaker:ListModelPackageGroups) in its place.
      - Such a run describes the packages that the console does not have and those whose summary has changed since they
        were last in step. A summary does not show the model card, metadata, the approval note, or when a package was
        modified. Set this to describe every package, one call each.
    type: bool
    default: false
  lock_timeout:
    description: Seconds to wait for another run over the same connection to end.
    type: int
    default: 60
  max_decommission_percent:
    description:
      - The largest share of a connection's objects, in percent, that may be decommissioned because the registry no
        longer lists them. It counts only beyond O(max_decommission_count) objects.
      - If not set, each connection's own, which is 10 percent unless
        O(wxgov.sagemaker.governance_connection#module:sync_max_decommission_percent) says otherwise.
      - A registry that comes back empty holds everything back, whatever the numbers are.
    type: float
  max_decommission_count:
    description:
      - So many objects may be decommissioned whatever their share is.
      - If not set, each connection's own, which is 10 unless
        O(wxgov.sagemaker.governance_connection#module:sync_max_decommission_count) says otherwise.
    type: int
  allow_mass_decommission:
    description: Let any number of decommissions through.
    type: bool
    default: false
  fail_on:
    description:
      - When objects that could not be brought in step make the task fail. The others are always gone on with, and
        RV(runs[].outcomes) names each that failed.
      - With V(any), one such object does.
      - With V(threshold), more of them than O(fail_threshold_count), or a larger share of a connection's objects than
        O(fail_threshold_percent).
      - With V(any) and V(threshold), so does a connection whose run was stopped before its end, for example because
        nobody could log in.
      - With V(never), neither does; look at RV(runs).
      - Decommissions that were held back are no failure. They are counted in RV(runs[].counts) and warned of.
    type: str
    choices: [any, threshold, never]
    default: any
  fail_threshold_count:
    description: So many objects of a connection may fail with O(fail_on=threshold).
    type: int
  fail_threshold_percent:
    description: So large a share of a connection's objects, in percent, may fail with O(fail_on=threshold).
    type: float
  progress_interval:
    description:
      - Print how far each connection is every so many seconds, and a table at the end. V(0) prints nothing.
      - Ansible then runs the module in the background of the host and looks at its run records, so a playbook that is
        interrupted does not stop the synchronisation; M(wxgov.sagemaker.sync_run_info) shows what becomes of it.
      - Nothing is printed in check mode, with C(async), or where the connection plugin has no background tasks.
    type: int
    default: 5
  label:
    description:
      - A text kept in the run records, by which M(wxgov.sagemaker.sync_run_info) finds the runs of this task. If not
        set and progress is printed, a random one.
    type: str
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - wxgov.sagemaker.connections
attributes:
  check_mode:
    support: full
    details: Reads both sides and reports the same outcomes and differences as a real run; writes on neither.
  diff_mode:
    support: full
    details: Of the first 1000 objects of a connection that change.
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.governance_connection
  - module: wxgov.sagemaker.sync_run_info
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

- name: Synchronise for the night shift, and fail only if more than one object in a hundred does
  wxgov.sagemaker.sync_existing_models:
    fail_on: threshold
    fail_threshold_percent: 1
    label: nightly
    progress_interval: 0

- name: Decommission the models of a registry that was cleaned up on purpose
  wxgov.sagemaker.sync_existing_models:
    connections: [playground]
    allow_mass_decommission: true
"""

RETURN = r"""
runs:
  description:
    - One report a connection, in the order of O(connections), else by name. Also returned when the task fails.
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
      description: Id of the run record; empty where none was made, as in check mode.
      type: str
      returned: always
      sample: 5f0c4b1e2f5a4a0d9d0c7a4d3b1a2c3d
    listed:
      description: How many entities the registry has.
      type: dict
      returned: always
      sample: {"model_package_groups": 12, "model_packages": 60}
    counts:
      description:
        - How many console objects were (or would be) created, updated, decommissioned and restored, how many registry
          entities were created and updated, how many were in step already, how many decommissions the guard held back,
          and how many objects failed.
      type: dict
      returned: always
      sample:
        created: 72
        updated: 0
        decommissioned: 0
        restored: 0
        registry_created: 0
        registry_updated: 0
        unchanged: 0
        held: 0
        failed: 0
    outcomes:
      description:
        - What became of each entity that was not in step; at most 1000 that went well and 1000 that failed. C(action)
          is C(compare) where an entity could not even be compared. C(conflicts) says which fields both sides had
          changed and which value stands, C(notes) which values did not fit the console.
      type: list
      elements: dict
      returned: always
      sample:
        - action: create
          arn: arn:aws:sagemaker:us-east-1:111122223333:model-package/churn/1
          conflicts: []
          error: ""
          kind: model
          name: churn-v1
          notes: []
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
    throttling:
      description:
        - How often SageMaker answered that it was called too often, and to how many calls a second the console held us
          in the end (null if it did not).
      type: dict
      returned: always
      sample: {"registry_throttled": 0, "console_calls_per_second": null}
    progress:
      description: How far the run came; the last phase unless it was stopped.
      type: dict
      returned: always
      sample:
        phase: vanished model groups
        phase_number: 5
        phases: 5
        done: 0
        total: 0
        phase_seconds: 0.0
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.connections_module import STORE_OPTIONS, store_of
from ..module_utils.errors import WxgovError
from ..module_utils.sync.existing import RunSettings
from ..module_utils.sync.guard import GuardOptions
from ..module_utils.sync.report import FailurePolicy
from ..module_utils.sync.runner import ConnectionRun, RunnerOptions, run_connections, select_connections

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "connections": {"type": "list", "elements": "str"},
    **STORE_OPTIONS,
    "state_dir": {"type": "path", "default": "/var/lib/wxgov-sagemaker"},
    "concurrency": {"type": "int", "default": 4},
    "parallel_connections": {"type": "int", "default": 4},
    "describe_all": {"type": "bool", "default": False},
    "lock_timeout": {"type": "int", "default": 60},
    "max_decommission_percent": {"type": "float"},
    "max_decommission_count": {"type": "int"},
    "allow_mass_decommission": {"type": "bool", "default": False},
    "fail_on": {"type": "str", "choices": ["any", "threshold", "never"], "default": "any"},
    "fail_threshold_count": {"type": "int"},
    "fail_threshold_percent": {"type": "float"},
    "progress_interval": {"type": "int", "default": 5},
    "label": {"type": "str"},
}
RANGES = {"concurrency": (1, 64), "parallel_connections": (1, 32), "progress_interval": (0, 3600)}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_if=[("fail_on", "threshold", ("fail_threshold_count", "fail_threshold_percent"), True)],
        supports_check_mode=True,
    )
    for option, (lowest, highest) in RANGES.items():
        if not lowest <= module.params[option] <= highest:
            module.fail_json(msg=f"{option} is {module.params[option]}; it must be from {lowest} to {highest}.")
    try:
        selection = select_connections(store_of(module.params), module.params["connections"])
    except WxgovError as error:
        module.fail_json(msg=str(error))
    runs = run_connections(selection, _options(module.params, check=module.check_mode))
    result = {
        "changed": any(run.report.changed for run in runs),
        "runs": [run.as_dict() for run in runs],
        **({"diff": [run.report.diff() for run in runs]} if module._diff else {}),
    }
    for run in runs:
        if run.report.counts["held"]:
            module.warn(
                f"{run.report.connection}: {run.report.counts['held']} decommissions were held back, see notes."
            )
    failures = _failures(runs, module.params)
    if failures:
        module.fail_json(msg="Not everything was synchronised. " + " ".join(failures), **result)
    module.exit_json(**result)


def _options(params: dict[str, Any], *, check: bool) -> RunnerOptions:
    guard = GuardOptions(
        max_percent=params["max_decommission_percent"],
        max_count=params["max_decommission_count"],
        allow=params["allow_mass_decommission"],
    )
    state_dir = Path(params["state_dir"])
    settings = RunSettings(
        concurrency=params["concurrency"],
        check=check,
        guard=guard,
        describe_all=params["describe_all"],
        state_dir=state_dir,
    )
    return RunnerOptions(
        settings, state_dir, params["lock_timeout"], params["parallel_connections"], params["label"] or ""
    )


def _failures(runs: list[ConnectionRun], params: dict[str, Any]) -> list[str]:
    policy = FailurePolicy(params["fail_on"], params["fail_threshold_count"], params["fail_threshold_percent"])
    found = ((run.report.connection, run.failure(policy)) for run in runs)
    return [f"{name}: {failure}" for name, failure in found if failure]


if __name__ == "__main__":
    main()
