# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says which host of several works on which connection."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: share_out
short_description: Share connections out among the hosts that run a sync agent
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Gives each connection one active host, and one to stand by that takes it over when the active one is put in O(out).
  - The hosts get the same number of connections, or one more or less, unless O(placement) says otherwise.
  - The answer depends on the names alone, not on their order, so every host comes to the same one.
  - A host in O(out) loses its connections to the others, and no other connection moves. A host that comes or goes for
    good may move some of the others.
positional: _input, hosts
options:
  _input:
    description: The names of the connections.
    type: list
    elements: str
    required: true
  hosts:
    description: The names of the hosts.
    type: list
    elements: str
    required: true
  out:
    description: Those of O(hosts) that are not to work on anything for now, for instance as they are down.
    type: list
    elements: str
    default: []
  placement:
    description: The host of each connection that is to be on a certain one, by the name of the connection.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: See who works on what
  ansible.builtin.debug:
    msg: "{{ ['fraud', 'credit', 'churn'] | wxgov.sagemaker.share_out(['agent-a', 'agent-b']) }}"

- name: See who would take over from a host
  ansible.builtin.debug:
    msg: "{{ ['fraud', 'credit'] | wxgov.sagemaker.share_out(['agent-a', 'agent-b'], out=['agent-a']) }}"
"""

RETURN = r"""
_value:
  description:
    - For each connection C(active), the host that works on it, and C(stand_by), the one that takes it over when that
      one is put in O(out); null where there is no other.
  type: dict
  sample: {fraud: {active: agent-a, stand_by: agent-b}}
"""


def share_out(
    connections: Iterable[str],
    hosts: Iterable[str],
    out: Collection[str] = (),
    placement: Mapping[str, str] | None = None,
) -> dict[str, dict[str, str | None]]:
    """See DOCUMENTATION. Raises AnsibleFilterError for names that do not fit together."""
    names, machines, pinned = sorted(set(connections)), sorted(set(hosts)), dict(placement or {})
    _check(names, machines, out, pinned)
    home = _place(names, machines, pinned)
    active = _without(home, machines, set(out))
    shares: dict[str, dict[str, str | None]] = {}
    for name, host in active.items():
        gone = {*out, host}
        stand_by = _without(home, machines, gone)[name] if gone < set(machines) else None
        shares[name] = {"active": host, "stand_by": stand_by}
    return shares


def _check(names: list[str], machines: list[str], out: Collection[str], pinned: Mapping[str, str]) -> None:
    strangers = sorted((set(out) | set(pinned.values())) - set(machines))
    if strangers:
        raise AnsibleFilterError(f"{strangers[0]} is none of the hosts {', '.join(machines)}.")
    unknown = sorted(set(pinned) - set(names))
    if unknown:
        raise AnsibleFilterError(f"{unknown[0]} is none of the connections {', '.join(names)}.")
    if names and set(out) == set(machines):
        raise AnsibleFilterError("No host is left to work on the connections.")


def _place(names: list[str], machines: list[str], pinned: Mapping[str, str]) -> dict[str, str]:
    """The home of each connection while every host is there: where it is pinned, or by rank as evenly as can be."""
    placed = dict(pinned)
    return _add(placed, [name for name in names if name not in placed], machines)


def _without(home: Mapping[str, str], machines: list[str], gone: set[str]) -> dict[str, str]:
    """Where the connections are while some hosts are gone: those of the others stay."""
    staying = {name: host for name, host in home.items() if host not in gone}
    left = [host for host in machines if host not in gone]
    return _add(staying, sorted(home.keys() - staying.keys()), left)


def _add(placed: Mapping[str, str], names: list[str], machines: list[str]) -> dict[str, str]:
    """Place more: each on the host with the fewest, and of several such on the one that ranks first for it."""
    result = dict(placed)
    load = Counter(result.values())
    for name in names:
        host = min(machines, key=lambda machine: (load[machine], _rank(name, machine)))
        result[name] = host
        load[host] += 1
    return dict(sorted(result.items()))


def _rank(name: str, machine: str) -> str:
    return hashlib.sha256(f"{name}/{machine}".encode()).hexdigest()


class FilterModule:
    """Ansible's way to a filter."""

    def filters(self) -> Mapping[str, Callable[..., object]]:
        """The filters by name."""
        return {"share_out": share_out}
