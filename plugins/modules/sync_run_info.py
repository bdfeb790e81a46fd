#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sync_run_info
short_description: Shows existing-model synchronisations and what the agent does
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Lists the runs of M(wxgov.sagemaker.sync_existing_models) on a host, of all connections or of one, with how far each
    has come, and the status that the sync agent last wrote.
  - Reads files in O(state_dir) and nothing else, so it works while a run is going on and when the agent is down.
options:
  connection:
    description:
      - Only the connection of this name. If nothing is known of it, the lists are empty.
    type: str
  state_dir:
    description:
      - The agent's state directory.
    type: path
    default: /var/lib/wxgov-sagemaker
  label:
    description:
      - Only runs that were started with this O(wxgov.sagemaker.sync_existing_models#module:label), of those that
        O(limit) leaves.
    type: str
  limit:
    description:
      - How many runs of each connection to list, from 1 to 100; that many are kept.
    type: int
    default: 10
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
  idempotent:
    support: full
notes:
  - Has to run as a user who can read O(state_dir).
seealso:
  - module: wxgov.sagemaker.sync_existing_models
"""

EXAMPLES = r"""
- name: Look at the latest run of every connection
  wxgov.sagemaker.sync_run_info:
    limit: 1
  register: found

- name: Wait until a run that was started in the background has ended
  wxgov.sagemaker.sync_run_info:
    label: nightly
    limit: 1
  register: nightly
  until: nightly.runs | selectattr('status', 'equalto', 'running') | length == 0
  retries: 720
  delay: 5

- name: Stop if a synchronisation failed or was cut off
  ansible.builtin.assert:
    that: found.runs | rejectattr('status', 'in', ['succeeded', 'running']) | length == 0
"""

RETURN = r"""
runs:
  description:
    - The runs, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the run, which M(wxgov.sagemaker.sync_existing_models) returned as its C(run_id).
      type: str
      sample: 5f0c4b1e2f5a4a0d9d0c7a4d3b1a2c3d
    connection:
      description: Name of the connection.
      type: str
      sample: credit-risk
    status:
      description: C(running), C(succeeded), C(failed), or C(cut_off) where the process ended before the run did.
      type: str
      sample: succeeded
    started_at:
      description: When it started.
      type: str
      sample: "2026-11-22T09:10:12.345+00:00"
    updated_at:
      description: When it last wrote its record; the end of a run that has ended.
      type: str
      sample: "2026-11-22T09:12:40.002+00:00"
    label:
      description: The label it was started with.
      type: str
      sample: nightly
    progress:
      description:
        - C(done) objects so far, C(seconds) since the start, C(per_second).
        - C(phase), which is number C(phase_number) of C(phases), and C(phase_done) of its C(phase_total) entities,
          which is null where that is not known.
        - C(seconds_left) of the phase; null where that cannot be told, and 0 of a run that has ended.
        - While a run goes on, C(per_second) is that of its phase.
      type: dict
      sample:
        done: 1212
        seconds: 15.1
        per_second: 82.1
        phase: models
        phase_number: 2
        phases: 5
        phase_done: 1200
        phase_total: 10000
        seconds_left: 107.2
    report:
      description:
        - The counts, notes, calls, throttling and the error that
          RV(wxgov.sagemaker.sync_existing_models#module:runs) has; of a run that goes on, as far as it has come. What
          became of the single objects is left out.
      type: dict
      sample: {"counts": {"created": 72, "failed": 0}, "error": "", "notes": []}
agent:
  description:
    - What the agent last said of itself; with O(connection), of that connection alone. Empty where no agent ran here.
  returned: success
  type: dict
  contains:
    state:
      description: C(starting), C(running), C(stopping), C(stopped) or C(failed).
      type: str
      sample: running
    written_at:
      description: When the status was written.
      type: str
      sample: "2026-11-22T09:12:40Z"
    age_seconds:
      description: How long ago that was.
      type: float
      sample: 2.5
    is_stale:
      description: Whether the status says that the agent is alive, and yet nothing has been written for a minute.
      type: bool
      sample: false
    connections:
      description:
        - By name, what each connection's event synchronisation does; C(state), C(dirty) (entities still to be looked
          at), C(failing), C(parked), C(lag_seconds), C(last_success_at), C(last_error) and more.
      type: dict
      sample: {"credit-risk": {"state": "running", "dirty": 0, "lag_seconds": 0.0}}
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import WxgovError
from ..module_utils.sync.run_history import progress, read_agent_status, read_runs, utc_now

HEAD = ("id", "connection", "status", "started_at", "updated_at", "label")
REPORTED = ("listed", "counts", "notes", "error", "seconds", "calls", "throttling")


def main() -> None:
    """Read the options, list the runs."""
    module = AnsibleModule(
        argument_spec={
            "connection": {"type": "str"},
            "state_dir": {"type": "path", "default": "/var/lib/wxgov-sagemaker"},
            "label": {"type": "str"},
            "limit": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    name, limit = module.params["connection"], module.params["limit"]
    if not 1 <= limit <= 100:
        module.fail_json(msg=f"limit is {limit}; it must be from 1 to 100.")
    state_dir, now = Path(module.params["state_dir"]), utc_now()
    try:
        runs = read_runs(state_dir, name, limit, module.params["label"])
        status = read_agent_status(state_dir, now)
    except WxgovError as error:
        module.fail_json(msg=str(error))
    shown = [{**_head(run), "progress": progress(run, now), "report": _report(run)} for run in runs]
    module.exit_json(changed=False, runs=shown, agent=_of(status or {}, name))


def _head(run: dict[str, Any]) -> dict[str, Any]:
    return {key: run[key] for key in HEAD}


def _report(run: dict[str, Any]) -> dict[str, Any]:
    return {key: run[key] for key in REPORTED if key in run}


def _of(status: dict[str, Any], name: str | None) -> dict[str, Any]:
    if name is None or "connections" not in status:
        return status
    return {**status, "connections": {key: value for key, value in status["connections"].items() if key == name}}


if __name__ == "__main__":
    main()
