# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every task result of a play as one JSON line, so that tests assert on data and not on text."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: recorder
type: aggregate
short_description: Records task results as JSON lines
description: Test harness only; the file is named by the environment variable WXGOV_TEST_RECORD.
requirements: []
"""


class CallbackModule(CallbackBase):
    """Aggregate callback: one line a result, then one line of statistics."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "recorder"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, record: dict) -> None:
        with open(os.environ["WXGOV_TEST_RECORD"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, default=str) + "\n")

    def _result(self, kind: str, result) -> None:
        data = json.loads(self._dump_results(result.result, keep_invocation=False))
        if kind.endswith("failed"):
            data["failed"] = True
        if "diff" in result.result:
            data["diff"] = result.result["diff"]  # which is left out of the dump unless the play is very verbose
        self._write({"kind": kind, "host": result.host.name, "task": result.task.get_name(), "result": data})

    def v2_runner_on_ok(self, result):
        self._result("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._result("failed", result)

    def v2_runner_on_skipped(self, result):
        self._result("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self._result("unreachable", result)

    def v2_runner_item_on_ok(self, result):
        self._result("item_ok", result)

    def v2_runner_item_on_failed(self, result):
        self._result("item_failed", result)

    def v2_playbook_on_stats(self, stats):
        self._write({"kind": "stats", "hosts": {host: stats.summarize(host) for host in stats.processed}})
