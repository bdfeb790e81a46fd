# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a function reads from its environment, and what it says about one that is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.errors import SettingsError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.lambda_batch import batches, hint, keys_of
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.lambda_settings import LambdaSettings, settings_from
from tests.integration.agent.support import make_connection


def test_a_connection_is_enough():
    assert settings_from({"WXGOV_CONNECTION": "prod", "PATH": "/bin"}) == LambdaSettings("prod")


def test_everything_can_be_set():
    given = {
        "WXGOV_CONNECTION": "prod",
        "WXGOV_SECRETS_PREFIX": "mine/",
        "WXGOV_MESSAGE_GROUP": "events",
        "WXGOV_LOOK_BACK_SECONDS": "7200",
        "WXGOV_WORKERS": "3",
        "WXGOV_LOG_LEVEL": "debug",
    }
    assert settings_from(given) == LambdaSettings("prod", "mine/", "events", 7200, 3, "debug")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"WXGOV_CONNECTION": ""}, "WXGOV_CONNECTION is '' and must be the name of a connection."),
        ({"WXGOV_LOG_LEVEL": "loud"}, "WXGOV_LOG_LEVEL is 'loud' and must be one of debug, info, warning, error."),
        ({"WXGOV_WORKERS": "0"}, "WXGOV_WORKERS is '0' and must be a whole number from 1 to 64."),
        ({"WXGOV_WORKERS": "many"}, "WXGOV_WORKERS is 'many' and must be a whole number from 1 to 64."),
        ({"WXGOV_LOOK_BACK_SECONDS": "1.5"}, "WXGOV_LOOK_BACK_SECONDS is '1.5' and must be a whole number from 60 "),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(SettingsError) as error:
        settings_from({"WXGOV_CONNECTION": "prod", **changes})
    assert str(error.value).startswith(message)


@given(st.lists(st.text()), st.integers(1, 12))
def test_batches_keep_every_key_in_order(keys, size):
    found = list(batches(keys, size))
    assert [key for batch in found for key in batch] == keys
    assert all(0 < len(batch) <= size for batch in found)
    assert all(len(batch) == size for batch in found[:-1])


@given(st.text())
def test_what_a_sweep_sends_is_read_again(key):
    assert keys_of(hint(key), make_connection("https://sqs.us-east-1.amazonaws.com/111122223333/q.fifo")) == (key,)
