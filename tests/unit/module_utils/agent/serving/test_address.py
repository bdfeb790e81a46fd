# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where to listen, and what cannot be listened on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.errors import SettingsError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.address import (
    DEFAULT_LISTEN,
    TcpAddress,
    UnixAddress,
    parse_listen,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.settings import read_settings, take_over


@pytest.mark.parametrize(
    ("text", "address", "is_loopback"),
    [
        (DEFAULT_LISTEN, TcpAddress("127.0.0.1", 9719), True),
        ("127.1.2.3:0", TcpAddress("127.1.2.3", 0), True),
        ("[::1]:9719", TcpAddress("::1", 9719), True),
        ("0.0.0.0:80", TcpAddress("0.0.0.0", 80), False),
        ("[::]:80", TcpAddress("::", 80), False),
        ("[2001:DB8::0:1]:65535", TcpAddress("2001:db8::1", 65535), False),
        ("unix:/run/agent.sock", UnixAddress(Path("/run/agent.sock")), True),
    ],
)
def test_addresses_are_read(text, address, is_loopback):
    assert parse_listen(text) == address
    assert address.is_loopback is is_loopback


@given(st.ip_addresses(), st.integers(0, 65535))
def test_an_address_reads_as_it_is_shown(ip, port):
    address = TcpAddress(str(ip), port)
    assert parse_listen(address.url.removeprefix("http://")) == address


def test_nothing_listens_for_an_empty_text():
    assert parse_listen("") is None


@pytest.mark.parametrize(
    "value",
    ["localhost:80", "127.0.0.1", ":80", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[127.0.0.1:80", "1.2.3:80",
     "256.0.0.1:80", "unix:agent.sock", "unix:", " ", None, 9719, True, ["127.0.0.1:80"]],
)  # fmt: skip
def test_what_cannot_be_an_address_is_refused(value):
    with pytest.raises(ValueError, match="must|IP address|port"):
        parse_listen(value)
    with pytest.raises(SettingsError, match="listen is "):
        read_settings({"state_dir": "/state", "listen": value})


def test_beyond_the_loopback_interface_the_settings_need_a_token_file():
    with pytest.raises(
        SettingsError, match=r"http://0\.0\.0\.0:9719, which others can reach: name a listen_token_file"
    ):
        read_settings({"state_dir": "/state", "listen": "0.0.0.0:9719"})
    settings = read_settings({"state_dir": "/state", "listen": "0.0.0.0:9719", "listen_token_file": "/token"})
    assert (settings.address, settings.listen_token_file) == (TcpAddress("0.0.0.0", 9719), Path("/token"))
    with pytest.raises(SettingsError, match="listen_token_file is 'token' and must be an absolute path"):
        read_settings({"state_dir": "/state", "listen_token_file": "token"})


def test_a_running_agent_keeps_its_address_and_says_so():
    old = read_settings({"state_dir": "/state"})
    taken = take_over(old, read_settings({"state_dir": "/state", "listen": ""}))
    assert taken.settings.listen == DEFAULT_LISTEN
    assert taken.left == ("listen",)
