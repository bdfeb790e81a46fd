# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask: tokens, and names in the Host header."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.errors import AgentError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.access import (
    LEAST_LENGTH,
    TokenFile,
    is_loopback_name,
    presents,
)

TOKEN = b"a-token-of-some-length"


def token_file(tmp_path, content=TOKEN, mode=0o600):
    path = tmp_path / "token"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def basic(user, password):
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def test_a_token_is_read_without_its_line_end_and_anew_each_time(tmp_path):
    path = token_file(tmp_path, TOKEN + b"\n")
    file = TokenFile(path)
    assert file.read() == TOKEN
    path.write_bytes(b"another token, as long")
    assert file.read() == b"another token, as long"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o666])
def test_a_file_that_others_may_touch_is_refused(tmp_path, mode):
    with pytest.raises(AgentError, match="may be read by other users: chmod 600"):
        TokenFile(token_file(tmp_path, mode=mode)).read()


def test_systemd_looks_after_its_credentials_itself(tmp_path, monkeypatch):
    path = token_file(tmp_path, mode=0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert TokenFile(path).read() == TOKEN
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "")
    with pytest.raises(AgentError):
        TokenFile(path).read()


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * (LEAST_LENGTH - 1), b" " * 100])
def test_a_short_token_is_refused_and_not_quoted(tmp_path, content):
    with pytest.raises(AgentError, match="is shorter than 16 letters") as caught:
        TokenFile(token_file(tmp_path, content)).read()
    assert "xxx" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AgentError, match="gone cannot be read: No such file"):
        TokenFile(tmp_path / "gone").read()


def test_a_token_is_shown_as_bearer_or_as_password():
    assert presents(TOKEN, {"authorization": f"Bearer {TOKEN.decode()}"})
    assert presents(TOKEN, {"authorization": f"bearer   {TOKEN.decode()} "})
    assert presents(TOKEN, basic("anyone", TOKEN.decode()))
    assert presents(TOKEN, basic("", TOKEN.decode()))
    assert presents(b"with:colons:in:between", basic("user", "with:colons:in:between"))


@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_nothing_else_passes_for_it(value):
    for scheme in ("Bearer", "Basic", "Digest", ""):
        assert not presents(TOKEN, {"authorization": f"{scheme} {value}".strip()})
    assert not presents(TOKEN, {})
    assert not presents(TOKEN, basic(TOKEN.decode(), value))


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:9719", "127.0.0.1", "127.0.0.1:9719", "127.9.8.7:1", "[::1]", "[::1]:9719"]
)
def test_names_of_the_loopback_interface(host):
    assert is_loopback_name(host)


@pytest.mark.parametrize(
    "host",
    ["", ":9719", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:9719", "evil.example:127",
     "0.0.0.0:9719", "[::]:9719", "[2001:db8::1]", "10.0.0.1", "[", "[]", "localhost@evil.example", "2130706433"],
)  # fmt: skip
def test_other_names(host):
    assert not is_loopback_name(host)
