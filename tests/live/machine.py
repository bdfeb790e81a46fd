# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine within this one, with a systemd of its own: `with Machine() as machine: machine.run("systemctl")`.

Namespaces and an overlay, no container engine and no image: it sees this system's files, and what it writes is in
memory and gone when it ends. Processes, users, units and cgroups are its own. The network is this system's, so what
listens on 127.0.0.1 here is reached from there. Of the distribution's units it has only those in `UNITS`, and kernel
settings are read-only: nothing in it touches this system's devices, clock, settings or network.

It needs root, systemd, util-linux, and the right to make namespaces and mounts; `obstacle` says what is missing.
``machine.py enter`` and ``machine.py boot``, each with an order as JSON, are the two steps of its start.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from typing import Any

INIT = pathlib.Path("/usr/lib/systemd/systemd")
SHIPPED, GENERATORS = "usr/lib/systemd/system", "usr/lib/systemd/system-generators"
JOURNAL = "systemd-journald.service"
UNITS = (
    *(JOURNAL, "systemd-journald.socket", "systemd-journald-dev-log.socket"),
    *("basic.target", "multi-user.target", "network-online.target", "network.target", "paths.target"),
    *("shutdown.target", "slices.target", "sockets.target", "sysinit.target", "timers.target", "umount.target"),
)
PROGRAMS = ("unshare", "nsenter", "setpriv", "mount", "umount", "pivot_root", "ldconfig", "systemctl", "useradd")
NAMESPACES = ("--mount", "--pid", "--fork", "--uts", "--ipc", "--cgroup", "--propagation", "private")
CONTROLLERS = {"cpu", "cpuacct", "blkio", "memory", "devices", "pids", "name=systemd"}
"""What systemd makes use of among the cgroup hierarchies of version 1."""
NODES = ("null", "zero", "full", "random", "urandom", "tty")
DEADLINE = 120.0
"""Seconds that the start, or a command, may take on a loaded system."""
UNSEEN = ("/home", "/root", "/tmp", "/var/tmp")
"""Where a unit with ProtectHome and PrivateTmp sees nothing."""
PYTHON = "/opt/python"
"""Where the machine has this process's Python if that is out of units' sight."""


class MachineError(Exception):
    """There can be no machine here, or it does not do as it is told."""


@dataclasses.dataclass(frozen=True, slots=True)
class Hierarchy:
    """A hierarchy of cgroups: its controllers (none for version 2), and the cgroup that the machine's goes into."""

    controllers: tuple[str, ...]
    parent: pathlib.Path

    @property
    def has_memory(self) -> bool:
        """Whether it can bound memory."""
        return "memory" in (self.controllers or (self.parent / "cgroup.controllers").read_text().split())


def hierarchies() -> list[Hierarchy]:
    """Those of this system that systemd makes use of."""
    lines = pathlib.Path("/proc/self/cgroup").read_text().splitlines()
    own = {names: path for _number, names, path in (line.split(":", 2) for line in lines)}
    found: dict[str, Hierarchy] = {}  # one may be mounted at several places
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        root, point = left.split()[3:5]
        kind, _source, options = right.split()
        for names, path in own.items():
            wanted = kind == "cgroup" and bool(CONTROLLERS & {*names.split(",")} & {*options.split(",")})
            if wanted or (kind == "cgroup2" and not names):
                # Under version 2 a cgroup with processes gives its children no controllers, unless it is the root.
                inside = os.path.relpath(path, root) if kind == "cgroup" else "."
                controllers = tuple(filter(None, names.split(",")))
                found.setdefault(names, Hierarchy(controllers, pathlib.Path(point, inside)))
    return list(found.values())


def obstacle() -> str:
    """What keeps such a machine from running here, as a sentence; "" when nothing does."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "It needs Linux, and root, who makes namespaces and mounts."
    missing = [program for program in PROGRAMS if shutil.which(program) is None] + [str(INIT)] * (not INIT.exists())
    if missing:
        return f"It needs {', '.join(missing)}, which are in the packages systemd, util-linux, passwd and libc-bin."
    if not any(hierarchy.has_memory for hierarchy in hierarchies()):
        return "It needs a hierarchy of cgroups with the memory controller."
    with tempfile.TemporaryDirectory(prefix="wxgov-live-") as folder:
        order = json.dumps({"folder": folder, "system": "/", "try": True})
        command = ["unshare", *NAMESPACES, sys.executable, __file__, "boot", order]
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"This system forbids namespaces or mounts: {tried.stderr.strip()}" if tried.returncode else ""


class Machine:
    """A machine, from the start of its systemd to its end; a context manager.

    Folders in ``read_only`` and ``shared`` are there under the same path as here. ``system`` is the root of another
    system to make it of; of that, ``more`` units and generators are kept, by path from there. Raises MachineError.
    """

    def __init__(
        self,
        read_only: Sequence[pathlib.Path] = (),
        shared: Sequence[pathlib.Path] = (),
        system: pathlib.Path = pathlib.Path("/"),
        more: Sequence[str] = (),
    ) -> None:
        self._system = {"system": str(system), "kept": [*(f"{SHIPPED}/{name}" for name in UNITS), *more]}
        self._binds = [(str(path), str(path), True) for path in read_only]
        self._binds += [(str(path), str(path), False) for path in shared]
        self.python = os.path.join(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
        """A Python like this process's, of which units may make use."""
        if sys.base_prefix.startswith(UNSEEN):
            self._binds.append((sys.base_prefix, PYTHON, True))
            self.python = self.python.replace(sys.base_prefix, PYTHON, 1)
        self._cleanup = contextlib.ExitStack()
        self._pid = 0

    def __enter__(self) -> Machine:
        if problem := obstacle():
            raise MachineError(f"No machine with systemd can run here. {problem}")
        with contextlib.ExitStack() as cleanup:
            self._boot(cleanup)
            self._wait()
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._cleanup.close()

    @property
    def prefix(self) -> list[str]:
        """What is put before a command for it to run in the machine."""
        return ["nsenter", f"--target={self._pid}", "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--wd"]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command as the machine's root. Raises MachineError where it fails and ``check`` is true."""
        done = subprocess.run(
            [*self.prefix, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        if check and done.returncode:
            raise MachineError(f"{shlex.join(command)} exited {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def path(self, inside: str | os.PathLike[str]) -> pathlib.Path:
        """One of the machine's files, as seen from here."""
        return pathlib.Path(f"/proc/{self._pid}/root", os.fspath(inside).lstrip("/"))

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        """What the machine's systemd knows of a unit."""
        told = self.run("systemctl", "show", f"--property={','.join(names)}", unit).stdout
        return dict(line.split("=", 1) for line in told.splitlines())

    def journal(self, *arguments: str) -> str:
        """The machine's journal, as messages alone."""
        return self.run("journalctl", "--no-pager", "--output=cat", *arguments).stdout

    def _boot(self, cleanup: contextlib.ExitStack) -> None:
        folder = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="wxgov-live-"))
        told = pathlib.Path(folder, "pid")
        groups = []
        for hierarchy in hierarchies():
            group = hierarchy.parent / pathlib.Path(folder).name
            group.mkdir()
            cleanup.callback(remove_cgroup, group)
            groups.append((",".join(hierarchy.controllers), str(group)))
        order = json.dumps({"folder": folder, "binds": self._binds, "cgroups": groups, **self._system})
        log = pathlib.Path(folder, "log")
        with log.open("w") as output:
            command = [sys.executable, __file__, "enter", order]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        cleanup.callback(process.wait)
        cleanup.callback(process.kill)
        deadline = time.monotonic() + DEADLINE
        while not told.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise MachineError(f"The machine did not start: {log.read_text()}")
            time.sleep(0.02)
        self._pid = int(told.read_text())

    def _wait(self) -> None:
        """Until its systemd has started what it is to start."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            answer = self.run("systemctl", "is-system-running", "--wait", check=False)
            if answer.stdout.strip() == "running":
                return
            if answer.stdout.strip() == "degraded":
                break
            time.sleep(0.05)
        failed = self.run("systemctl", "--no-pager", "--failed", check=False)
        raise MachineError(f"The machine did not come up: {answer.stdout}{answer.stderr}{failed.stdout}")


def remove_cgroup(group: pathlib.Path) -> None:
    """Remove a cgroup and those in it, once the kernel has buried their processes."""
    deadline = time.monotonic() + DEADLINE
    for folder, _children, _files in os.walk(group, topdown=False):
        while True:
            try:
                os.rmdir(folder)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


def mount(*arguments: str) -> None:
    """Mount something. Raises SystemExit with what `mount` had to say."""
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip())


def enter(order: dict[str, Any]) -> None:
    """First step: go into the machine's cgroups and namespaces."""
    for _names, group in order["cgroups"]:
        pathlib.Path(group, "cgroup.procs").write_text(str(os.getpid()))
    # Whoever dies takes its child along: a killed test run leaves no machine behind.
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES, "--kill-child"]
    os.execvp(command[0], [*command, sys.executable, __file__, "boot", json.dumps(order)])


def boot(order: dict[str, Any]) -> None:
    """Second step: make the machine's file system, and become its systemd."""
    folder = pathlib.Path(order["folder"])
    folder.joinpath("pid.new").write_text(os.readlink("/proc/self"))  # this /proc still shows the pid outside
    outside = os.open(folder, os.O_DIRECTORY)
    mount("-t", "tmpfs", "tmpfs", str(folder))
    for name in ("upper", "work", "root"):
        folder.joinpath(name).mkdir()
    root = folder / "root"
    layers = f"lowerdir={order['system']},upperdir={folder}/upper,workdir={folder}/work"
    mount("-t", "overlay", "overlay", "-o", layers, str(root))
    mount("-t", "proc", "proc", str(root / "proc"))
    if "try" in order:
        return
    kept = {root / name: (root / name).read_bytes() for name in order["kept"]}
    for place in ("run", "tmp", SHIPPED, GENERATORS, "etc/systemd/system"):
        root.joinpath(place).mkdir(parents=True, exist_ok=True)
        mount("-t", "tmpfs", "-o", f"mode={'1777' if place == 'tmp' else '0755'}", "tmpfs", str(root / place))
    for path, content in kept.items():
        path.write_bytes(content)
        path.chmod(0o755 if path.parent == root / GENERATORS else 0o644)
    root.joinpath(SHIPPED, "sysinit.target.wants").mkdir()
    root.joinpath(SHIPPED, "sysinit.target.wants", JOURNAL).symlink_to(f"../{JOURNAL}")
    mount("--bind", "-o", "ro", str(root / "proc/sys"), str(root / "proc/sys"))
    make_devices(root / "dev")
    make_sysfs(root / "sys", order["cgroups"])
    for source, target, read_only in order["binds"]:
        place = root / target.lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        mount("--bind", *(["-o", "ro"] if read_only else []), source, str(place))
    root.joinpath("etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
    root.joinpath("etc/ld.so.conf.d").mkdir(exist_ok=True)
    root.joinpath("etc/ld.so.conf.d/python.conf").write_text(f"{PYTHON}/lib\n")
    os.rename("pid.new", "pid", src_dir_fd=outside, dst_dir_fd=outside)
    os.close(outside)
    os.chdir(root)
    subprocess.run(["pivot_root", ".", "."], check=True)
    subprocess.run(["umount", "--lazy", "."], check=True)
    # As the kernel's own systemd has it, and not one in a container: LoadCredential mounts what units are to see.
    mount("--make-rshared", "/")
    subprocess.run(["ldconfig"], check=True)
    settings = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "container": "unshare"}
    os.execve(INIT, [str(INIT), "--system", "--unit=multi-user.target"], settings)


def make_devices(folder: pathlib.Path) -> None:
    """A /dev that can do no harm."""
    mount("-t", "tmpfs", "-o", "mode=0755,nosuid", "tmpfs", str(folder))
    for name in NODES:
        folder.joinpath(name).touch()
        mount("--bind", f"/dev/{name}", str(folder / name))
    folder.joinpath("console").touch()
    for name, kind, options in (("pts", "devpts", "newinstance,ptmxmode=0666"), ("shm", "tmpfs", "mode=1777")):
        folder.joinpath(name).mkdir()
        mount("-t", kind, "-o", options, kind, str(folder / name))
    for name, target in {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1"}.items():
        folder.joinpath(name).symlink_to(target)


def make_sysfs(folder: pathlib.Path, cgroups: Sequence[tuple[str, str]]) -> None:
    """A /sys to read, with the machine's cgroups laid out as this system has its own."""
    mount("-t", "sysfs", "-o", "ro", "sysfs", str(folder))
    place = folder / "fs/cgroup"
    if [names for names, _group in cgroups] == [""]:
        mount("-t", "cgroup2", "cgroup2", str(place))
        return
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(place))
    for names, _group in cgroups:
        name = names.removeprefix("name=") or "unified"
        place.joinpath(name).mkdir()
        kind = ["-t", "cgroup", "-o", names.replace("name=", "none,name=")] if names else ["-t", "cgroup2"]
        mount(*kind, "cgroup", str(place / name))
        for alias in {*name.split(",")} - {name}:
            place.joinpath(alias).symlink_to(name)


if __name__ == "__main__":
    {"enter": enter, "boot": boot}[sys.argv[1]](json.loads(sys.argv[2]))
