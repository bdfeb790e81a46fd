# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of a console, as users have them at hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.address import parse_address
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import WrongAddressError


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://host", "https://host/opgrc/api/v2"),
        ("https://host/", "https://host/opgrc/api/v2"),
        ("https://host:9443/opgrc", "https://host:9443/opgrc/api/v2"),
        ("https://host/opgrc/api", "https://host/opgrc/api/v2"),
        ("https://host/opgrc/api/v2/", "https://host/opgrc/api/v2"),
        ("https://cpd/openpages-one-opgrc", "https://cpd/openpages-one-opgrc/api/v2"),
        ("https://cpd/openpages-one-opgrc/api/v2", "https://cpd/openpages-one-opgrc/api/v2"),
        ("https://proxy/governance/opgrc/api", "https://proxy/governance/opgrc/api/v2"),
        ("https://host/opgrc/app/jspview/react/grc/task-view/4577", "https://host/opgrc/api/v2"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/opgrc/api/v2"),
        ("http://localhost", "http://localhost/opgrc/api/v2"),
        ("http://[::1]:81", "http://[::1]:81/opgrc/api/v2"),
        ("HTTPS://Host.EXAMPLE.com:443", "https://host.example.com/opgrc/api/v2"),
        ("https://[2001:DB8::1]:443/", "https://[2001:db8::1]/opgrc/api/v2"),
    ],
)
def test_every_form_leads_to_the_api(url, api):
    assert parse_address(url).api == api


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://host", "unencrypted"),
        ("http://127.0.0.1.example.com", "unencrypted"),
        ("ftp://host", "https://"),
        ("host", "not the address"),
        ("", "not the address"),
        ("https://", "not the address"),
        ("https://host:99999", "not the address"),
        ("https://ho st", "not the address"),
        ("https://host/openpages", "context"),
        ("https://host/opgrc/api/v1", "context"),
        ("https://host/myopgrc", "context"),
        ("https://me:secret@host", "user name"),
        ("https://host/opgrc?x=secret", "query"),
    ],
)
def test_what_is_no_such_address_is_refused_with_its_reason(url, reason):
    with pytest.raises(WrongAddressError, match=reason) as error:
        parse_address(url)
    assert "secret" not in str(error.value)


def test_http_to_another_machine_has_to_be_allowed():
    assert parse_address("http://host", allow_http=True).api == "http://host/opgrc/api/v2"


def test_an_objects_page_is_under_the_same_context():
    page = parse_address("https://cpd/openpages-one-opgrc/api").task_view("4577")
    assert page == "https://cpd/openpages-one-opgrc/app/jspview/react/grc/task-view/4577"


@given(st.text(max_size=40) | st.text(max_size=30).map("https://host/".__add__))
def test_any_text_is_an_address_or_refused(url):
    try:
        address = parse_address(url)
    except WrongAddressError:
        return
    assert address.api.endswith("opgrc/api/v2")
    assert parse_address(address.api) == address
