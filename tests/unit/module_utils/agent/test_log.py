# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines: one JSON object each for machines, text for people, the same fields in both."""

from __future__ import annotations

import io
import json
import logging
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent import log as agent_log
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.errors import JournalUnavailableError


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def logger():
    root = logging.getLogger(agent_log.ROOT)
    before = (root.handlers[:], root.propagate, root.level)
    yield logging.getLogger(f"{agent_log.ROOT}.sync.anything")
    root.handlers[:], root.propagate, root.level = before


def test_a_line_is_one_json_object_with_its_fields(logger):
    stream = io.StringIO()
    agent_log.configure("auto", "info", stream)
    logger.info("two\nlines and a \u2028", extra=agent_log.fields("prod", "arn:x", "event-1"))
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "level": "info",
        "message": "two\nlines and a \u2028",
        "connection": "prod",
        "key": "arn:x",
        "event_id": "event-1",
    }


def test_an_exception_is_in_the_object(logger):
    stream = io.StringIO()
    agent_log.configure("json", "info", stream)
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("it failed")
    assert "ValueError: broken" in json.loads(stream.getvalue())["error"]


@pytest.mark.parametrize(("chosen", "stream"), [("auto", Terminal()), ("text", io.StringIO())])
def test_people_get_text(logger, chosen, stream):
    agent_log.configure(chosen, "info", stream)
    logger.warning("careful", extra=agent_log.fields(connection="prod"))
    assert "WARNING careful [connection=prod]" in stream.getvalue()


def test_the_level_is_obeyed_and_nothing_is_written_twice(logger):
    stream = io.StringIO()
    agent_log.configure("json", "warning", io.StringIO())
    agent_log.configure("json", "warning", stream)
    logger.info("quiet")
    logger.warning("loud")
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "An error occurred (RequestTimeTooSkewed) when calling the ReceiveMessage operation",
        "Signature expired: 20261122T150000Z is now earlier than 20261122T160000Z",
        "Signature not yet current: 20261122T170000Z is still later than 20261122T160500Z",
    ],
)
def test_a_clock_that_aws_does_not_accept_is_named(text):
    assert "clock" in agent_log.reason(OSError(text))
    assert "clock" not in agent_log.reason(OSError("the role has expired"))


def test_the_name_of_a_missing_permission_is_no_secret():
    text = "Secrets Manager refused to list the secrets (AccessDenied): secretsmanager:ListSecrets is needed."
    assert agent_log.reason(JournalUnavailableError(text)) == text
    assert "hunter22" not in agent_log.reason(OSError("my-secretsmanager-secret: hunter2222"))


def test_a_reason_is_one_line_and_short():
    assert agent_log.reason(JournalUnavailableError("Two\n lines.")) == "Two lines."
    assert agent_log.reason(KeyError("x")) == "KeyError: 'x'"
    assert agent_log.reason(ValueError()) == "ValueError"
    assert len(agent_log.reason(ValueError("x" * 9000))) == 500
    assert "hunter22" not in agent_log.reason(ValueError("password=hunter22hunter22"))


def test_lines_of_a_block_carry_its_fields_wherever_they_are_written(logger):
    stream = io.StringIO()
    agent_log.configure("json", "info", stream)
    with agent_log.about("prod", run_id="full_sweep-1"):
        with agent_log.about(key="arn:x"):
            logger.info("inner")
        logger.info("outer", extra=agent_log.fields(connection="other"))
        thread = threading.Thread(target=logger.info, args=("elsewhere",))
        thread.start()
        thread.join()
    logger.info("after")
    lines = {entry.pop("message"): entry for entry in map(json.loads, stream.getvalue().splitlines())}
    shown = {name: {key: entry[key] for key in agent_log.FIELDS if key in entry} for name, entry in lines.items()}
    assert shown == {
        "inner": {"connection": "prod", "key": "arn:x", "run_id": "full_sweep-1"},
        "outer": {"connection": "other", "run_id": "full_sweep-1"},
        "elsewhere": {},
        "after": {},
    }


SECRETS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=._~-", min_size=12, max_size=60)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "{{'Authorization': 'Basic {}'}}",
        "authorization: ZenApiKey {}",
        "POST https://sqs.example.com/?X-Amz-Security-Token={}&Action=x",
        "X-Amz-Signature={} is wrong",
        "X-Amz-Credential={}",
        "aws_secret_access_key = {}",
        '{{"SecretAccessKey": "{}", "Expiration": "soon"}}',
        "api_key={}, instance=x",
        "apikey: {}",
        "password={}",
        "passwd='{}'",
        "token: {}",
    ],
)
@given(secret=SECRETS)
def test_no_credential_is_written(text, secret):
    assert secret not in agent_log.scrub(text.format(secret))


@given(st.text("abcdefgh0123456789%!$", min_size=4), st.text(LETTERS, min_size=16, max_size=16))
def test_neither_passwords_in_addresses_nor_key_ids_are_written(password, rest):
    assert agent_log.scrub(f"https://someone:{password}@proxy:8080/x") == "https://someone:********@proxy:8080/x"
    assert rest not in agent_log.scrub(f"the key AKIA{rest} is not active")


@pytest.mark.parametrize(
    "text",
    [
        "the queue fails, next try in 1.0 s: ExpiredToken: the security token included in the request is expired",
        "arn:aws:sagemaker:eu-central-1:210987654321:model-package/token-classifier/3",
        "The token file /etc/token cannot be read: No such file or directory.",
        "https://console.example.com did not answer within 30 s (4 attempts).",
    ],
)
def test_what_is_no_credential_stays(text):
    assert agent_log.scrub(text) == text


@pytest.mark.parametrize("chosen", ["json", "text"])
def test_messages_and_exceptions_are_scrubbed(logger, chosen):
    stream = io.StringIO()
    agent_log.configure(chosen, "info", stream)
    try:
        raise OSError("https://proxy:hunter22hunter22@host refused")
    except OSError:
        logger.exception("sent Bearer %s", "hunter22hunter22")
    assert "hunter22" not in stream.getvalue()
    assert agent_log.HIDDEN in stream.getvalue()
