# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing connections out: everybody has a host, evenly, and a host that goes takes no other connection along."""

from __future__ import annotations

from collections import Counter

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.filter.share_out import share_out

NAMES = st.lists(st.sampled_from("abcdefghijklm"), unique=True, max_size=10)
HOSTS = st.lists(st.sampled_from(["h1", "h2", "h3", "h4"]), unique=True, min_size=1)


def active(shares):
    return {name: share["active"] for name, share in shares.items()}


@given(NAMES, HOSTS)
def test_every_connection_has_a_host_and_the_hosts_share_evenly(names, hosts):
    shares = share_out(names, hosts)
    assert sorted(shares) == sorted(names)
    load = Counter({host: 0 for host in hosts})
    load.update(active(shares).values())
    assert set(load) == set(hosts)
    assert max(load.values()) - min(load.values()) <= 1


@given(NAMES, HOSTS, st.randoms(use_true_random=False))
def test_the_order_of_names_does_not_matter(names, hosts, random):
    other_names, other_hosts = names.copy(), hosts.copy()
    random.shuffle(other_names)
    random.shuffle(other_hosts)
    assert share_out(names, hosts) == share_out(other_names, other_hosts)


@given(NAMES, HOSTS)
def test_the_one_that_stands_by_is_the_one_that_takes_over(names, hosts):
    shares = share_out(names, hosts)
    for gone in hosts:
        if len(hosts) == 1:
            assert {share["stand_by"] for share in shares.values()} <= {None}
            continue
        after = active(share_out(names, hosts, out=[gone]))
        for name, share in shares.items():
            assert after[name] == (share["stand_by"] if share["active"] == gone else share["active"])


@given(NAMES, HOSTS, st.data())
def test_a_placement_is_kept_until_its_host_is_out(names, hosts, data):
    pins = data.draw(st.dictionaries(st.sampled_from(names), st.sampled_from(hosts))) if names else {}
    assert active(share_out(names, hosts, placement=pins)).items() >= pins.items()
    if len(hosts) > 1:
        gone = hosts[0]
        assert gone not in active(share_out(names, hosts, out=[gone], placement=pins)).values()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"out": ["c"]}, "c is none of the hosts a, b."),
        ({"placement": {"fraud": "c"}}, "c is none of the hosts a, b."),
        ({"placement": {"credit": "a"}}, "credit is none of the connections fraud."),
        ({"out": ["a", "b"]}, "No host is left to work on the connections."),
    ],
)
def test_names_that_do_not_fit_together_are_refused(arguments, message):
    with pytest.raises(AnsibleFilterError, match=f"^{message}$"):
        share_out(["fraud"], ["a", "b"], **arguments)


def test_a_known_answer():
    """So that a change of the rank, which would move connections of everybody, is noticed."""
    assert share_out(["churn", "credit", "fraud"], ["agent-a", "agent-b"]) == KNOWN


KNOWN = {
    "churn": {"active": "agent-a", "stand_by": "agent-b"},
    "credit": {"active": "agent-b", "stand_by": "agent-a"},
    "fraud": {"active": "agent-b", "stand_by": "agent-a"},
}
