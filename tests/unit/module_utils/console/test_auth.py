# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to log in: against the emulator's endpoints, and what is refused before anything is sent."""

from __future__ import annotations

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.auth import METHODS, authenticator
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import (
    BadOptionError,
    LoginRefusedError,
    WrongAddressError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.transport import Transport

LOGINS = {
    "mcsp": {"api_key": "demo-api-key", "instance_id": "demo-instance"},
    "mcsp_account": {"api_key": "demo-api-key", "instance_id": "demo-account"},
    "ibm_cloud": {"api_key": "demo-api-key"},
    "cp4d": {"username": "svc", "password": "demo-password"},
    "zen_api_key": {"username": "svc", "api_key": "demo-api-key"},
    "basic": {"username": "svc", "password": "demo-password"},
}
WITHOUT_TOKEN = ("zen_api_key", "basic")


def options_for(method, url):
    takes_url = {"token_url": url} if method not in WITHOUT_TOKEN else {}
    return LOGINS[method] | takes_url


def test_every_method_is_tested():
    assert set(LOGINS) == set(METHODS)


@pytest.mark.parametrize("method", LOGINS)
def test_each_method_gets_in(method, console, make_client):
    client = make_client(method=method, **options_for(method, console.url))
    assert "SOXBusEntity" in client.types().types
    assert console.calls().get("POST token", 0) == (method not in WITHOUT_TOKEN)


@pytest.mark.parametrize("method", LOGINS)
def test_a_wrong_secret_is_refused_in_words_and_never_shown(method, console, make_client):
    options = options_for(method, console.url)
    secret = "password" if "password" in options else "api_key"
    client = make_client(method=method, **(options | {secret: "wrong-secret-9"}))
    with pytest.raises(LoginRefusedError) as error:
        client.types()
    assert "wrong-secret-9" not in str(error.value)
    assert method in str(error.value)


def test_a_wrong_instance_is_refused_at_the_login(make_client):
    with pytest.raises(LoginRefusedError, match="nowhere"):
        make_client(instance_id="nowhere").types()


@pytest.mark.parametrize("method", LOGINS)
def test_each_option_that_has_no_default_is_asked_for(method):
    for name in LOGINS[method]:
        with pytest.raises(BadOptionError, match=name):
            authenticator(method, **(LOGINS[method] | {name: ""}))


def test_an_unknown_method_lists_the_known_ones():
    with pytest.raises(BadOptionError, match="zen_api_key"):
        authenticator("kerberos")


def test_an_option_of_another_method_is_refused():
    with pytest.raises(BadOptionError, match="api_key"):
        authenticator("basic", username="a", password="b", api_key="c")


@pytest.mark.parametrize("method", ["basic", "zen_api_key"])
def test_a_user_name_with_a_colon_would_become_part_of_the_secret(method):
    with pytest.raises(BadOptionError, match="colon"):
        authenticator(method, **(LOGINS[method] | {"username": "a:b"}))


@pytest.mark.parametrize("method", LOGINS)
def test_no_secret_is_in_a_representation(method):
    login = authenticator(method, **LOGINS[method])
    login.secret.current()
    shown = repr(login) + repr(login.method.token_request("https://host", login.secret.current()))
    assert "demo-api-key" not in shown
    assert "demo-password" not in shown


@pytest.mark.parametrize(
    ("method", "token_url", "expected"),
    [
        ("mcsp", "", "https://account-iam.platform.saas.ibm.com/api/2.0/services/demo-instance/apikeys/token"),
        ("mcsp", "https://iam.test/", "https://iam.test/api/2.0/services/demo-instance/apikeys/token"),
        ("mcsp", "https://iam.test/whole/path", "https://iam.test/whole/path"),
        ("mcsp_account", "", "https://account-iam.platform.saas.ibm.com/api/2.0/accounts/demo-account/apikeys/token"),
        ("ibm_cloud", "", "https://iam.cloud.ibm.com/identity/token"),
        ("cp4d", "", "https://cpd.test/icp4d-api/v1/authorize"),
    ],
)
def test_where_a_token_comes_from(method, token_url, expected):
    login = authenticator(method, **(LOGINS[method] | {"token_url": token_url}))
    assert login.token_url("https://cpd.test") == expected


def test_an_instance_id_cannot_leave_its_place_in_the_path():
    login = authenticator("mcsp", api_key="k", instance_id="../../evil?x")
    assert login.token_url("").endswith("/services/..%2F..%2Fevil%3Fx/apikeys/token")


def test_ibm_cloud_consoles_get_their_instance_in_a_header():
    login = authenticator("ibm_cloud", api_key="k", instance_id="crn-1")
    assert login.method.headers("t") == {"Authorization": "Bearer t", "ZEN-Service-Instance-Id": "crn-1"}
    with pytest.raises(BadOptionError, match="ASCII"):
        authenticator("ibm_cloud", api_key="k", instance_id="a\r\nX: y")


def test_a_token_address_without_tls_is_refused():
    login = authenticator("mcsp", api_key="k", instance_id="i", token_url="http://iam.test")
    with pytest.raises(WrongAddressError, match="unencrypted"):
        Transport("https://host", login)
