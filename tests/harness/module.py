# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of the collection in this process: the same code as under Ansible, without a process for each task."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.testing import patch_module_args


def run_module(name: str, options: Mapping[str, Any], *, check: bool = False, diff: bool = True) -> dict[str, Any]:
    """Return the module's result, failed or not. An option of None is left out."""
    given = {key: value for key, value in options.items() if value is not None}
    given |= {"_ansible_check_mode": check, "_ansible_diff": diff}
    main = importlib.import_module(f"ansible_collections.wxgov.sagemaker.plugins.modules.{name}").main
    output = io.StringIO()
    with patch_module_args(given), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        main()
    result: dict[str, Any] = json.loads(output.getvalue())
    result.pop("invocation", None)
    return result
