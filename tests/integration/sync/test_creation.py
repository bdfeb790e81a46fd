# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A console object of an ARN is created once, and never taken for another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import UnknownOutcomeError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.creation import create_ours
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import SyncError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import Kind
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.service import open_connection
from tests.integration.sync.conftest import STEM, World

ARN = f"{STEM}model-package-group/churn"
ARN_FIELD = "Integration:External ID"


@pytest.fixture
def create(world: World) -> Iterator[Callable[[], str]]:
    """Create the model group of ARN under the connection's business entity."""
    parts = open_connection(world.connection)
    new = NewObject("ModelGroup", "churn", "churn", "churn", world.connection.business_entity_id, {ARN_FIELD: ARN})
    world.console.clear_calls()
    yield lambda: create_ours(parts.console, parts.reader, Kind.GROUP, ARN, new)
    parts.console.close()


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        (None, {"POST contents": 1}),
        ("lost_response", {"POST contents": 1, "POST query": 1}),  # done: found by its ARN
        ("reset", {"POST contents": 2, "POST query": 1}),  # not done: repeated
    ],
)
def test_it_is_created_once(world: World, create: Callable[[], str], fault: Any, calls: dict[str, int]) -> None:
    if fault is not None:
        world.console.fault(fault, "POST", "contents")
    object_id = create()
    assert world.console.calls() == calls
    assert world.model(ARN)["id"] == object_id


def test_a_second_lost_answer_is_not_guessed_at(world: World, create: Callable[[], str]) -> None:
    world.console.fault("reset", "POST", "contents", times=2)
    with pytest.raises(UnknownOutcomeError):
        create()
    assert world.objects(ARN) == []


@pytest.mark.parametrize("fault", [None, "reset"], ids=["at once", "after a lost answer"])
@pytest.mark.parametrize("fields", [{}, {ARN_FIELD: f"{ARN}-2"}], ids=["by hand", "of another group"])
def test_the_object_that_has_the_name_is_not_taken_for_ours(
    world: World, create: Callable[[], str], fields: dict[str, str], fault: Any
) -> None:
    theirs = world.session.create("ModelGroup", "churn", world.connection.business_entity_id, **fields)
    if fault is not None:
        world.console.fault(fault, "POST", "contents")
    with pytest.raises(
        SyncError, match=rf"creation of the model group 'churn' with object {theirs}, whose {ARN_FIELD}"
    ):
        create()
