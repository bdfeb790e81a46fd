# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines: one JSON object each for machines, text for people, the same fields in both."""

from __future__ import annotations

import io
import json
import logging

import pytest

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


def test_a_reason_is_one_line_and_short():
    assert agent_log.reason(JournalUnavailableError("Two\n lines.")) == "Two lines."
    assert agent_log.reason(KeyError("x")) == "KeyError: 'x'"
    assert agent_log.reason(ValueError()) == "ValueError"
    assert len(agent_log.reason(ValueError("x" * 9000))) == 500
