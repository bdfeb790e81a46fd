# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what Python compiles out of zip files, for the plays of the tests alone.

Ansible sends each task as a zip of sources, which Python compiles anew every time: about 0.13 s of CPU a task, a
third of what a module without boto3 takes. Python imports this file by itself at its start, where the harness puts
this folder in PYTHONPATH and names a folder in WXGOV_TEST_BYTECODE; code is kept there by the digest of its source.
"""

from __future__ import annotations

import _imp
import hashlib
import importlib.util
import marshal
import os
import tempfile
import zipimport
from types import CodeType


def keep_bytecode(folder: str) -> None:
    """Let zipimport take from ``folder`` what it has compiled before, whichever zip that was in."""
    compile_source = zipimport._compile_source

    def compile_once(path: str, source: bytes) -> CodeType:
        digest = hashlib.sha256(importlib.util.MAGIC_NUMBER + source).hexdigest()
        kept = os.path.join(folder, digest)
        try:
            with open(kept, "rb") as file:
                code: CodeType = marshal.load(file)
        except FileNotFoundError:
            code = compile_source(path, source)
            # Several tasks may come here at once: each writes a file of its own, and the last one's name stays.
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                marshal.dump(code, file)
            os.replace(file.name, kept)
        else:
            _imp._fix_co_filename(code, path)  # tracebacks name the zip of today
        return code

    zipimport._compile_source = compile_once


if "WXGOV_TEST_BYTECODE" in os.environ:
    keep_bytecode(os.environ["WXGOV_TEST_BYTECODE"])
