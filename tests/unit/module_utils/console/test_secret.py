# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a login's secret comes from: what each source reads, and what it refuses."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.auth import METHODS, authenticator
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import (
    BadOptionError,
    SecretUnreadableError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.secret import (
    CREDENTIALS_DIRECTORY,
    MAX_BYTES,
    Secret,
    option_names,
    source_of,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.errors import WxgovError


def private(path, text="a-secret\n", mode=0o600):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def from_file(path):
    return source_of("api_key", {"api_key_file": str(path)}, None)


def from_store(text):
    def fetch(secret_id):
        assert secret_id == "team/console"
        if isinstance(text, Exception):
            raise text
        return text

    return source_of("api_key", {"api_key_secret": "team/console"}, fetch)


def test_a_file_holds_the_secret_without_the_space_around_it(tmp_path):
    assert from_file(private(tmp_path / "key", "  päss word \r\n")).read() == "päss word"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_a_file_that_is_open_to_others_is_refused_with_the_mend(mode, tmp_path):
    path = private(tmp_path / "key", mode=mode)
    with pytest.raises(SecretUnreadableError, match=f"mode {mode:04o}.*chmod 0600 {path}"):
        from_file(path).read()
    path.chmod(0o400)
    assert from_file(path).read() == "a-secret"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b" \n", "is empty"), (b"\xff\xfe", "UTF-8"), (b"a" * (MAX_BYTES + 1), "larger than")],
)
def test_a_file_that_cannot_be_a_secret_is_said_so(content, words, tmp_path):
    path = private(tmp_path / "key", content)
    with pytest.raises(SecretUnreadableError, match=rf"{path} \(api_key_file\).*{words}"):
        from_file(path).read()


def test_what_is_no_file_does_not_make_the_reader_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe", mode=0o600)
    with pytest.raises(SecretUnreadableError, match="not a regular file"):
        from_file(tmp_path / "pipe").read()
    with pytest.raises(SecretUnreadableError, match="Is a directory"):
        from_file(tmp_path).read()
    for path in (tmp_path / "missing", "/nul\0byte"):
        source = from_file(path)
        assert source.stamp() is None
        with pytest.raises(SecretUnreadableError):
            source.read()


def test_a_name_alone_is_one_of_systemds_credentials_whatever_its_mode(tmp_path, monkeypatch):
    """With an access control list, as systemd sets it, the group's bits show the list's mask."""
    monkeypatch.delenv(CREDENTIALS_DIRECTORY, raising=False)
    source = from_file("console-key")
    with pytest.raises(SecretUnreadableError, match="LoadCredential="):
        source.read()
    private(tmp_path / "console-key", mode=0o440)
    monkeypatch.setenv(CREDENTIALS_DIRECTORY, str(tmp_path))
    assert source.read() == "a-secret"
    assert from_file(tmp_path / "console-key").read() == "a-secret"


def test_a_name_that_leads_out_of_that_directory_is_as_any_other_file(tmp_path, monkeypatch):
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.setenv(CREDENTIALS_DIRECTORY, str(inside))
    private(tmp_path / "key", mode=0o644)
    with pytest.raises(SecretUnreadableError, match="open to others"):
        from_file("../key").read()


def test_a_variable(monkeypatch):
    source = source_of("password", {"password_env": "MY_CONSOLE_PASSWORD"}, None)
    monkeypatch.delenv("MY_CONSOLE_PASSWORD", raising=False)
    with pytest.raises(SecretUnreadableError, match=r"MY_CONSOLE_PASSWORD \(password_env\) is not set"):
        source.read()
    monkeypatch.setenv("MY_CONSOLE_PASSWORD", "first")
    secret = Secret(source)
    assert secret.current() == "first"
    monkeypatch.setenv("MY_CONSOLE_PASSWORD", "second")
    assert secret.current() == "second"


@pytest.mark.parametrize(
    ("text", "secret"),
    [("plain", "plain"), ('{"api_key": "inner", "other": 1}', "inner"), ('"quoted"', '"quoted"'), ("123", "123")],
)
def test_a_store_gives_the_whole_text_or_the_member_of_that_name(text, secret):
    assert from_store(text).read() == secret


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"password": "x"}', 'without a text under "api_key"'),
        ('{"api_key": 5}', 'without a text under "api_key"'),
        (" ", "is empty"),
        (WxgovError("The store is shut."), "The store is shut"),
    ],
)
def test_what_a_store_does_not_have_is_said_so(text, words):
    with pytest.raises(SecretUnreadableError, match=rf"team/console \(api_key_secret\).*{words}"):
        from_store(text).read()


@given(st.text())
def test_any_text_of_a_store_is_a_secret_or_one_clear_error(text):
    try:
        secret = from_store(text).read()
    except SecretUnreadableError:
        return
    assert secret
    assert secret in text


def test_a_secret_is_read_anew_when_its_file_is_another(tmp_path):
    path = private(tmp_path / "key", "first")
    reads = []

    class Counting:
        place = "here"

        def read(self):
            reads.append(1)
            return from_file(path).read()

        def stamp(self):
            return from_file(path).stamp()

    secret = Secret(Counting())
    assert secret.known() == ""
    assert [secret.current(), secret.current(), secret.current()] == ["first"] * 3
    assert len(reads) == 1
    os.replace(private(tmp_path / "next", "second"), path)
    assert [secret.current(), secret.current()] == ["second"] * 2
    assert len(reads) == 2
    assert secret.fresh() == "second"
    assert len(reads) == 3


@pytest.mark.parametrize("method", METHODS)
def test_each_method_takes_its_secret_from_each_place_and_from_one_only(method, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "a-secret")
    name = METHODS[method].SECRET
    values = {
        name: "a-secret",
        f"{name}_file": str(private(tmp_path / "key")),
        f"{name}_env": "MY_SECRET",
        f"{name}_secret": "team/console",
    }
    assert set(values) == set(option_names(name))
    more = {"username": "svc"} if name == "password" or method == "zen_api_key" else {"instance_id": "i"}
    for option, value in values.items():
        login = authenticator(method, fetch_secret=lambda secret_id: "a-secret", **more, **{option: value})
        assert "a-secret" not in repr(login)
        assert login.secrets() == ()
        assert login.secret.current() == "a-secret"
        assert login.secrets()[0] == "a-secret"
        if option != name:
            with pytest.raises(BadOptionError, match=f"{name} and {option} exclude each other"):
                authenticator(method, fetch_secret=str, **more, **{name: "x", option: value})
    with pytest.raises(BadOptionError, match="no store of secrets"):
        authenticator(method, **more, **{f"{name}_secret": "team/console"})


def test_an_error_never_shows_what_is_in_the_file(tmp_path):
    path = private(tmp_path / "key", "precious-text", mode=0o644)
    with pytest.raises(SecretUnreadableError) as error:
        from_file(path).read()
    assert "precious-text" not in str(error.value)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
