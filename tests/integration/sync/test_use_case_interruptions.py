# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A use case's group and package are made once, wherever the work on them is cut off.

Every request that writes is a step. After each of them the process dies, or only its answer is lost; then the next
attempt begins with nothing but what the two sides hold. (To die before a step is to die after the one before.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.errors import WxgovError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import UseCaseError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.service import open_connection
from tests.integration.sync.conftest import World
from tests.integration.sync.test_use_cases import (
    approve,
    group_of,
    groups,
    package_of,
    packages,
    registry_writes,
    settle,
    tags,
)

NAME = "claims-triage"
# The console's group exists or not, with a model that waits in it or not.
FOUND: dict[str, Callable[[World, str], None]] = {
    "nothing": lambda world, case: None,
    "group": lambda world, case: _add(world, case, with_model=False),
    "group and model": lambda world, case: _add(world, case, with_model=True),
}
STEPS = {"nothing": 3, "group": 3, "group and model": 4}


def _add(world: World, case: str, *, with_model: bool) -> None:
    group = world.session.create("ModelGroup", "from the workflow", case)
    if with_model:
        world.session.create("Model", "candidate", group)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the product catches it, and nothing is written after it."""


def kill_after(step: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let the process die after its `step`-th request that writes, on either side; return how many there were."""
    import botocore.client
    import requests

    lock, seen = threading.Lock(), 0

    def guarded(send: Callable[..., Any], is_write: Callable[..., bool]) -> Callable[..., Any]:
        def sent(*args: Any, **kwargs: Any) -> Any:
            nonlocal seen
            if not is_write(*args, **kwargs):
                return send(*args, **kwargs)
            with lock:
                seen += 1
                is_last = seen == step
            answer = send(*args, **kwargs)
            if is_last:
                raise Killed
            return answer

        return sent

    def writes_to_registry(_client: Any, operation: str, *_parameters: Any) -> bool:
        return operation.startswith(("Create", "Update", "Add"))

    def writes_to_console(_adapter: Any, request: Any, **_options: Any) -> bool:
        return "/contents" in request.url and request.method in ("POST", "PUT", "DELETE")

    api_call, send = botocore.client.BaseClient._make_api_call, requests.adapters.HTTPAdapter.send
    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", guarded(api_call, writes_to_registry))
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", guarded(send, writes_to_console))
    return lambda: seen


def check_made_once(world: World, case: str) -> None:
    """One group and one package on each side, joined, and nothing left to do."""
    runtime = world.runtime()
    settle(runtime)
    settle(runtime)
    assert (groups(world), packages(world)) == ([NAME], [package_of(NAME)])
    assert tags(world, group_of(NAME))["wxgov:use-case-id"] == case
    (group,) = world.console.objects("ModelGroup")
    (model,) = world.console.objects("Model")
    assert (world.model(group_of(NAME))["id"], world.model(package_of(NAME))["id"]) == (group["id"], model["id"])
    assert world.model(group_of(NAME))["primary_parent_id"] == case
    assert "No longer" not in world.model(group_of(NAME))["description"]
    assert world.model(package_of(NAME))["fields"]["MRG-Model:Status"] == "Proposed"
    world.aws.clear_calls()
    world.console.clear_calls()
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert (registry_writes(world), world.writes()) == ({}, 0)
    runtime.close()


@pytest.mark.parametrize("found", FOUND)
def test_there_are_as_many_steps_as_are_interrupted_below(
    world: World, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = approve(world)
    FOUND[found](world, case)
    runtime = world.runtime()
    with monkeypatch.context() as patched:
        steps = kill_after(0, patched)
        runtime.reconciler.reconcile(f"use-case:{case}")
        assert steps() == STEPS[found]
    runtime.close()


@pytest.mark.parametrize(("found", "step"), [(found, step + 1) for found in FOUND for step in range(STEPS[found])])
def test_a_death_at_any_step_makes_nothing_twice(
    world: World, found: str, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = approve(world)
    FOUND[found](world, case)
    runtime = world.runtime()
    with monkeypatch.context() as patched:
        kill_after(step, patched)
        with pytest.raises(Killed):
            runtime.reconciler.reconcile(f"use-case:{case}")
    runtime.close()
    check_made_once(world, case)


def test_what_the_events_of_a_group_half_made_find_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the steps the ARNs are looked at, as a poll or an event that is quicker than the next step would."""
    for step in (1, 2, 3):
        case = approve(world, f"Case {step}")
        name = f"case-{step}"
        runtime = world.runtime()
        with monkeypatch.context() as patched:
            kill_after(step, patched)
            with pytest.raises(Killed):
                runtime.reconciler.reconcile(f"use-case:{case}")
        for key in (package_of(name), group_of(name)):
            runtime.reconciler.reconcile(key)
        assert len(world.objects(group_of(name))) == 1
        assert "No longer" not in world.model(group_of(name))["description"]
        runtime.reconciler.reconcile(f"use-case:{case}")
        settle(runtime)
        runtime.close()
        assert world.model(group_of(name))["primary_parent_id"] == case
        assert len(world.objects(package_of(name))) == 1
    assert len(groups(world)) == len(packages(world)) == 3


LOST = [
    ("nothing", "aws", "sagemaker.CreateModelPackageGroup"),
    ("nothing", "aws", "sagemaker.CreateModelPackage"),
    ("nothing", "console", "POST"),
    ("group", "console", "PUT"),
    ("group and model", "console", "PUT"),
]


@pytest.mark.parametrize(("found", "side", "what"), LOST)
def test_a_lost_answer_makes_nothing_twice(world: World, found: str, side: str, what: str) -> None:
    case = approve(world)
    FOUND[found](world, case)
    if side == "aws":
        world.aws.fault(what, "lost_response")
    else:
        world.console.fault("lost_response", what, "contents")
    runtime = world.runtime()
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "created"  # at the first attempt
    runtime.close()
    check_made_once(world, case)


def test_what_another_process_has_begun_meanwhile_is_left_to_it(world: World) -> None:
    """Between reading the use case and looking for a name, another agent gives it its group."""
    case = approve(world)
    runtime, parts = world.runtime(), open_connection(world.connection)
    (read_before,) = parts.use_cases.planner.find(case).managed
    runtime.reconciler.reconcile(f"use-case:{case}")
    with pytest.raises(UseCaseError, match="Another process"):
        list(parts.use_cases.planner.plan(read_before))
    parts.console.close()
    runtime.close()
    check_made_once(world, case)


def test_a_search_that_lags_behind_does_not_hide_the_first_package(world: World) -> None:
    case = approve(world)
    world.aws.configure_registry(search_lag=3600)
    runtime = world.runtime()
    runtime.reconciler.reconcile(f"use-case:{case}")
    world.aws.clear_calls()
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert registry_writes(world) == {}
    runtime.close()


TROUBLE = [
    ("sagemaker.Search", "error", "ThrottlingException", 400),
    ("sagemaker.DescribeModelPackageGroup", "error", "ThrottlingException", 400),
    ("sagemaker.CreateModelPackageGroup", "error", "ThrottlingException", 400),
    ("sagemaker.CreateModelPackageGroup", "http_html_200", "", 200),
    ("sagemaker.CreateModelPackage", "error", "InternalFailure", 500),
    ("sagemaker.CreateModelPackage", "truncate", "", 200),
]


@pytest.mark.parametrize(("operation", "kind", "code", "status"), TROUBLE)
def test_trouble_in_the_registry(world: World, operation: str, kind: Any, code: str, status: int) -> None:
    case = approve(world)
    runtime = world.runtime()
    world.aws.fault(operation, kind, code=code, status=status)
    try:
        runtime.reconciler.reconcile(f"use-case:{case}")
    except WxgovError:  # the agent tries again
        runtime.reconciler.reconcile(f"use-case:{case}")
    runtime.close()
    check_made_once(world, case)


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429, "retry_after": 0.01}], ids=["503", "429"])
@pytest.mark.parametrize("request_of", [("POST", "query"), ("POST", "contents"), ("GET", "contents")])
def test_trouble_in_the_console(world: World, request_of: tuple[str, str], fault: dict[str, Any]) -> None:
    case = approve(world)
    runtime = world.runtime()
    world.console.fault("status", *request_of, **fault)
    try:
        runtime.reconciler.reconcile(f"use-case:{case}")
    except WxgovError:  # the agent tries again
        runtime.reconciler.reconcile(f"use-case:{case}")
    runtime.close()
    check_made_once(world, case)


def test_two_agents_at_once_make_one_group(world: World) -> None:
    """Each with its own journal: nothing but the two sides keeps them apart."""
    case = approve(world)
    runtimes = [world.runtime(), world.runtime()]
    world.console.fault("latency", "POST", "contents", seconds=0.1, times=None)
    with ThreadPoolExecutor(2) as pool:
        attempts = [pool.submit(runtime.reconciler.reconcile, f"use-case:{case}") for runtime in runtimes]
    failures = [attempt.exception() for attempt in attempts if attempt.exception() is not None]
    assert all(isinstance(failure, WxgovError) for failure in failures), failures  # the agent tries again
    for runtime in runtimes:
        runtime.close()
    check_made_once(world, case)
