# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module sync_existing_models and prints how far it is.

A module cannot print while it runs. So it is started in the background of its host, as C(async) would, and looked at
through its run records, with the module sync_run_info: one task process for each look. Whatever of this a task or a
connection plugin does not allow, the module is run as any other.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.sync.run_lines import progress_line, table

MODULE = "wxgov.sagemaker.sync_existing_models"
INFO = "wxgov.sagemaker.sync_run_info"
STATUS = "ansible.legacy.async_status"
LONGEST = 7 * 24 * 3600
"""Seconds after which Ansible ends a background task."""
DEFAULT_INTERVAL = 5
FIRST_LOOK = 1.0
"""Seconds until it is asked for the first time whether the module has ended: wrong options are found at once."""
LOST_LOOKS = 20
"""Looks in a row that may fail because the host does not answer; the synchronisation goes on without us."""
ASYNC_KEYS = (
    "ansible_job_id",
    "finished",
    "results_file",
    "started",
    "stderr",
    "stderr_lines",
    "stdout",
    "stdout_lines",
)

display = Display()


class ActionModule(ActionBase):
    """The action of C(wxgov.sagemaker.sync_existing_models)."""

    _supports_async = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        interval = _interval(self._task.args.get("progress_interval", DEFAULT_INTERVAL))
        if self._task.async_val:
            return self._in_background(variables)
        try:
            result = (
                self._watched(interval, variables) if interval > 0 and self._may_watch() else self._plain(variables)
            )
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        for line in table(result.get("runs") or []) if interval > 0 else ():
            self._say(line, variables)
        return result

    def _may_watch(self) -> bool:
        """Whether the module may be started in the background: a dry run keeps no record that could be looked at."""
        has_background = not (self._connection.has_native_async or self._connection.always_pipeline_modules)
        return has_background and not self._task.check_mode

    def _plain(self, variables: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(module_name=MODULE, task_vars=variables)
        return result

    def _in_background(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Start what the task itself wants in the background; Ansible waits for it, or does not."""
        wrap = not self._connection.has_native_async
        result: dict[str, Any] = self._execute_module(module_name=MODULE, task_vars=variables, wrap_async=wrap)
        return result

    def _watched(self, interval: float, variables: dict[str, Any]) -> dict[str, Any]:
        label = str(self._task.args.get("label") or f"task-{uuid4().hex}")
        started = self._start({**self._task.args, "label": label}, variables)
        job = started.get("ansible_job_id")
        if started.get("failed") or job is None:
            return started
        directory = self._remote_expand_user(self.get_shell_option("async_dir", default="~/.ansible_async"))
        where = {"jid": job, "_async_dir": directory}
        look = {"state_dir": self._task.args["state_dir"]} if "state_dir" in self._task.args else {}
        time.sleep(FIRST_LOOK)
        result = self._ask(STATUS, where, variables)
        while not _has_ended(result):
            if self._show({**look, "label": label, "limit": 1}, variables):
                time.sleep(interval)
                continue
            result = self._ask(STATUS, where, variables)
            if not _has_ended(result):
                time.sleep(min(interval, FIRST_LOOK))
        self._ask(STATUS, {**where, "mode": "cleanup"}, variables)
        return {key: value for key, value in result.items() if key not in ASYNC_KEYS}

    def _start(self, arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Start the module in the background; Ansible takes the time limit from the task."""
        self._task.async_val = LONGEST
        try:
            started: dict[str, Any] = self._execute_module(
                module_name=MODULE, module_args=arguments, task_vars=variables, wrap_async=True
            )
            return started
        finally:
            self._task.async_val = 0

    def _show(self, look: dict[str, Any], variables: dict[str, Any]) -> bool:
        """Print a line for each connection that is at work; return whether there is one."""
        found = self._ask(INFO, look, variables)
        running = [run for run in found.get("runs", []) if run["status"] == "running"]
        for run in sorted(running, key=lambda run: str(run["connection"])):
            self._say(progress_line(run), variables)
        return bool(running)

    def _ask(self, module: str, arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Run a module that only looks; a host that does not answer for a while is asked again."""
        lost = 0
        while True:
            try:
                answer: dict[str, Any] = self._execute_module(
                    module_name=module, module_args=dict(arguments), task_vars=variables
                )
            except AnsibleConnectionFailure:
                lost += 1
                if lost >= LOST_LOOKS:
                    raise
                time.sleep(DEFAULT_INTERVAL)
            else:
                return answer

    def _say(self, line: str, variables: Mapping[str, Any]) -> None:
        """Print a line; beside the output of a callback that writes data, such as JSON, to standard error."""
        is_for_people = str(C.DEFAULT_STDOUT_CALLBACK).rsplit(".", maxsplit=1)[-1] in ("default", "debug", "yaml")
        host = variables.get("inventory_hostname", "")
        display.display(f"[{host}] {line}", stderr=not is_for_people)


def _interval(value: Any) -> float:
    """Return the option's value; one that is no number is the module's to refuse."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _has_ended(result: Mapping[str, Any]) -> bool:
    """Whether the job is over: finished, or not to be found any more."""
    return bool(result.get("finished")) or bool(result.get("failed"))
