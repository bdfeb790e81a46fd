# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs `ansible-playbook` as a user would and gives back its results as data."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
CALLBACKS = pathlib.Path(__file__).resolve().parent / "callbacks"
SITE = CALLBACKS.parent / "bytecode"
SHARED = "TEST_SHARED_FOLDER"
"""Names, in the environment, where the plays of one test run keep what Ansible and Python make of the same sources."""
LOCAL_HOST: Mapping[str, Any] = {"all": {"hosts": {"localhost": {"ansible_connection": "local"}}}}


@dataclasses.dataclass(frozen=True)
class TaskResult:
    """One task (or loop item) on one host; `kind` is ok, failed, skipped, unreachable, item_ok or item_failed."""

    host: str
    task: str
    kind: str
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class PlayResult:
    """What a run of ansible-playbook left behind."""

    rc: int
    stdout: str
    stats: dict[str, dict[str, int]]
    results: tuple[TaskResult, ...]

    @property
    def changed(self) -> int:
        """The number of changed tasks over all hosts."""
        return sum(host["changed"] for host in self.stats.values())

    def named(self, task: str) -> list[dict[str, Any]]:
        """The results of the tasks of this name, in order."""
        return [entry.result for entry in self.results if entry.task == task]

    def one(self, task: str) -> dict[str, Any]:
        """The result of the one task of this name."""
        (result,) = self.named(task)
        return result

    def check(self) -> PlayResult:
        """Raise with the whole output when the run failed; else return itself."""
        if self.rc:
            raise AssertionError(f"ansible-playbook exited {self.rc}:\n{self.stdout}")
        return self


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a play: this process's, without foreign AWS settings, with the checkout's collections."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WXGOV_"))}
    made = {
        **kept,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".ansible" / "collections"),
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "recorder",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        **(extra or {}),
    }
    return {**made, **sharing(pathlib.Path(made[SHARED]), made)} if SHARED in made else made


def sharing(folder: pathlib.Path, play: Mapping[str, str]) -> dict[str, str]:
    """Variables for a play with this environment that lets it share its zips and their bytecode with those like it.

    Zips are named after modules alone, so sources that differ have folders that differ.
    """
    sources = [
        path
        for root in play["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)
        for part in ("modules", "module_utils")
        for path in pathlib.Path(root, "ansible_collections", "wxgov", "sagemaker", "plugins", part).rglob("*.py")
    ]
    state = sorted((str(path), found.st_size, found.st_mtime_ns) for path in sources if (found := path.stat()))
    digest = hashlib.sha256(repr((play["ANSIBLE_COLLECTIONS_PATH"], state)).encode()).hexdigest()
    zips, bytecode = folder / f"zips-{digest}", folder / "bytecode"
    for made in (zips, bytecode):
        made.mkdir(parents=True, exist_ok=True)
    return {
        "PYTHONPATH": os.pathsep.join([str(SITE), *filter(None, [play.get("PYTHONPATH")])]),
        "WXGOV_TEST_BYTECODE": str(bytecode),
        "WXGOV_TEST_ZIPS": str(zips),
        "ANSIBLE_CALLBACKS_ENABLED": "recorder,shared_zips",
    }


def run_playbook(
    play: Sequence[Mapping[str, Any]] | str | pathlib.Path,
    *,
    inventory: Mapping[str, Any] | None = None,
    extra_vars: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = False,
    diff: bool = False,
    verbosity: int = 0,
    on_line: Callable[[str], object] = lambda _line: None,
    prefix: Sequence[str] = (),
    folder: pathlib.Path | None = None,
) -> PlayResult:
    """Run a playbook: a list of plays, or the path of a file.

    `inventory` is in the YAML inventory plugin's shape; the default is localhost with a local connection. `on_line`
    gets each line of output as it is printed. `prefix` is put before the command, which then finds its files below
    `folder`: for a run in another machine that shares it.
    """
    with tempfile.TemporaryDirectory(prefix="wxgov-play-", dir=folder) as temporary:
        root = pathlib.Path(temporary)
        hosts = root / "inventory.yml"
        hosts.write_text(yaml.safe_dump(_plain(inventory or LOCAL_HOST)))
        playbook = pathlib.Path(play) if isinstance(play, str | pathlib.Path) else root / "play.yml"
        if not isinstance(play, str | pathlib.Path):
            playbook.write_text(yaml.safe_dump(_plain(play), sort_keys=False))
        variables = root / "variables.json"
        variables.write_text(json.dumps(extra_vars or {}))
        record = root / "record.jsonl"
        record.touch()
        command = [*prefix, sys.executable, "-m", "ansible", "playbook"]
        command += ["-i", str(hosts), "-e", f"@{variables}", str(playbook)]
        command += ["--check"] * check + ["--diff"] * diff + [f"-{'v' * verbosity}"] * bool(verbosity)
        lines: list[str] = []
        with subprocess.Popen(
            command,
            env=environment({**(env or {}), "WXGOV_TEST_RECORD": str(record)}),
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                lines.append(line)
                on_line(line)
        entries = [json.loads(line) for line in record.read_text().splitlines()]
    stats = next((entry["hosts"] for entry in entries if entry["kind"] == "stats"), {})
    results = tuple(
        TaskResult(entry["host"], entry["task"], entry["kind"], entry["result"])
        for entry in entries
        if entry["kind"] != "stats"
    )
    return PlayResult(process.returncode, "".join(lines), stats, results)


def _plain(value: Any) -> Any:
    """Plain lists and dicts, as the safe YAML dumper wants them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
