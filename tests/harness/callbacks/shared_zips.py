# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets plays of the same sources share the zips that Ansible makes of modules.

A run of ansible-playbook looks for what each module imports, and packs it, once: about 0.35 s of CPU a module. Ansible
keeps the zip in a folder of the run's own, under a lock that holds between processes; here that folder is one that the
harness names after the sources.
"""

from __future__ import annotations

import os
import pathlib

from ansible import constants
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: shared_zips
type: aggregate
short_description: Shares the zips of modules between runs
description: Test harness only; the folder is named by the environment variable WXGOV_TEST_ZIPS.
requirements: []
"""


class CallbackModule(CallbackBase):
    """Made before the first task; does nothing afterwards."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "shared_zips"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        pathlib.Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache").symlink_to(os.environ["WXGOV_TEST_ZIPS"])
