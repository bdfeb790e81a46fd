# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection's AWS side as a graph: what each resource shall be, and what comes before what. Pure functions.

No resource takes anything from the answer that another one got: names follow from the connection, ARNs from names and
place. So the whole graph is there before the first call, in check mode too, and what hangs on nothing runs in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .alarm_plan import DesiredAlarms, queue_alarm
from .key_policy import DesiredKeyStatement
from .queue_plan import DesiredQueue, check_queue, desired_attributes
from .role_plan import DesiredRole, Trust, check_role, check_trust
from .rule_plan import DesiredRule, check_rule
from .rule_targets import DesiredTarget, desired_target
from .stack_documents import (
    NATIVE_PATTERN,
    Names,
    Place,
    agent_policies,
    full_access_policies,
    registry_pattern,
    sending_policy,
)
from .stack_settings import OUR_RETENTION, AccessSettings, StackSettings
from .trail_plan import DesiredRecording, trail_bucket_policy


@dataclass(frozen=True, slots=True)
class RoleAndTrust:
    """A role and who may take it on; the trust policy is made of what the role has already."""

    role: DesiredRole
    trust: Trust | None


Desired: TypeAlias = (
    "DesiredRecording | DesiredKeyStatement | DesiredQueue | DesiredRule | DesiredAlarms | RoleAndTrust"
)


@dataclass(frozen=True, slots=True)
class Node:
    """One resource, and the nodes that must be finished before it is touched."""

    name: str
    desired: Desired
    after: tuple[str, ...]


_QUEUES = ("queue", "dead_letter_queue", "target_dead_letter_queue")
# What must be there before. Nothing is made where no event would ever arrive, hence the trail at the root.
_REQUIRES: Mapping[str, tuple[str, ...]] = {
    "trail": (),
    "key": ("trail",),
    "dead_letter_queue": ("trail",),
    "target_dead_letter_queue": ("trail",),
    "role": ("trail",),
    "queue": ("dead_letter_queue",),
    "rule": ("queue", "target_dead_letter_queue", "key"),
    "native_rule": ("queue", "target_dead_letter_queue", "key"),
    "alarms": _QUEUES,
}
# What must be gone before, over and above what requires it: an agent may drain the queue as long as there is one.
_OUTLIVES: Mapping[str, tuple[str, ...]] = {"role": _QUEUES}


def build_graph(settings: StackSettings, place: Place) -> tuple[Node, ...]:
    """The nodes of a connection, each after all that it waits for; raises InputError for what cannot be right."""
    makers = _makers(settings)
    edges = _edges(settings, makers)
    names = Names(settings.connection_name)
    return tuple(Node(name, makers[name](settings, place, names), edges[name]) for name in in_order(edges))


def in_order(edges: Mapping[str, Iterable[str]]) -> list[str]:
    """The names so that each comes after those in its `edges`; raises ValueError when they go round in a circle."""
    left, ordered = dict(edges), list[str]()
    while left:
        free = [name for name, before in left.items() if not any(other in left for other in before)]
        if not free:
            raise ValueError(f"These wait for one another: {', '.join(sorted(left))}.")
        ordered += free
        left = {name: before for name, before in left.items() if name not in free}
    return ordered


def _edges(settings: StackSettings, members: Iterable[str]) -> dict[str, tuple[str, ...]]:
    there = set(members)
    requires = {
        name: tuple(other for other in _REQUIRES[name] if other in there) for name in _REQUIRES if name in there
    }
    if not settings.present:
        return {name: _outlived(name, requires) for name in requires}
    if not settings.native_events:
        # The second rule goes before the queues stop taking its events.
        requires["native_rule"] = ("trail",)
        for name in ("queue", "target_dead_letter_queue"):
            requires[name] = (*requires[name], "native_rule")
    return requires


def _outlived(name: str, requires: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    users = [other for other, needed in requires.items() if name in needed]
    return tuple(dict.fromkeys([*users, *(other for other in _OUTLIVES.get(name, ()) if other in requires)]))


_Maker = Callable[[StackSettings, Place, Names], Desired]


def _makers(settings: StackSettings) -> dict[str, _Maker]:
    makers: dict[str, _Maker] = {
        "dead_letter_queue": _dead_letter_queue,
        "target_dead_letter_queue": _target_dead_letter_queue,
        "queue": _queue,
        "rule": _rule,
        "native_rule": _native_rule,
    }
    if settings.present:  # a trail serves more than this connection, so it stays
        makers["trail"] = _recording
    if settings.kms_master_key_id and settings.manage_key_policy:
        makers["key"] = _key_statement
    if settings.alarms:
        makers["alarms"] = _alarms
    if settings.access:
        makers["role"] = _role
    return makers


def _recording(settings: StackSettings, place: Place, names: Names) -> DesiredRecording:
    trail = settings.trail
    bucket = trail.bucket or f"wxgov-sagemaker-trail-{place.account}-{place.region}"
    arn = place.arn("cloudtrail", f"trail/{trail.name}")
    return DesiredRecording(
        name=trail.name,
        arn=arn,
        bucket=bucket,
        bucket_policy=trail_bucket_policy(bucket, arn, place.partition, place.account),
        region=place.region,
        required=trail.require,
        create=trail.create,
        # It belongs to no connection.
        tags={key: value for key, value in settings.tags.items() if key != "wxgov-connection"},
    )


def _key_statement(settings: StackSettings, place: Place, names: Names) -> DesiredKeyStatement:
    # One statement a connection, so that another one with the same key keeps its own.
    sid = f"Wxgov EventBridge {settings.connection_name}"
    return DesiredKeyStatement(settings.kms_master_key_id or "", sid, settings.present)


def _some_queue(name: str, settings: StackSettings, **options: Any) -> DesiredQueue:
    if not settings.present:
        return DesiredQueue(name, present=False)
    given = {**options, "kms_master_key_id": settings.kms_master_key_id}
    desired = DesiredQueue(name, attributes=desired_attributes(given), tags=settings.tags, purge_tags=False)
    check_queue(desired)
    return desired


def _dead_letter_queue(settings: StackSettings, place: Place, names: Names) -> DesiredQueue:
    return _some_queue(
        names.dead_letter_queue,
        settings,
        content_based_deduplication=True,
        high_throughput_fifo=True,
        message_retention_period=OUR_RETENTION,
    )


def _senders(settings: StackSettings, place: Place, names: Names) -> list[str]:
    rules = [names.base, names.native_rule] if settings.native_events else [names.base]
    return [place.arn("events", f"rule/{rule}") for rule in rules]


def _target_dead_letter_queue(settings: StackSettings, place: Place, names: Names) -> DesiredQueue:
    arn = place.arn("sqs", names.target_dead_letter_queue)
    return _some_queue(
        names.target_dead_letter_queue,
        settings,
        message_retention_period=OUR_RETENTION,
        policy=sending_policy(arn, _senders(settings, place, names)),
    )


def _queue(settings: StackSettings, place: Place, names: Names) -> DesiredQueue:
    """The vendor's values, with what the vendor's page leaves out."""
    return _some_queue(
        names.queue,
        settings,
        content_based_deduplication=True,
        high_throughput_fifo=True,
        visibility_timeout=30,
        message_retention_period=settings.message_retention_period,
        maximum_message_size=262144,
        delay_seconds=0,
        receive_message_wait_time_seconds=0,
        redrive_policy={
            "dead_letter_target_arn": place.arn("sqs", names.dead_letter_queue),
            "max_receive_count": settings.max_receive_count,
        },
        policy=sending_policy(place.arn("sqs", names.queue), _senders(settings, place, names)),
    )


def _target(settings: StackSettings, place: Place, names: Names) -> DesiredTarget:
    return desired_target(
        {
            "id": "queue",
            "arn": place.arn("sqs", names.queue),
            "message_group_id": settings.message_group_id,
            "dead_letter_arn": place.arn("sqs", names.target_dead_letter_queue),
            "retry_policy": settings.retry_policy,
            "input": None,
            "input_path": None,
            "input_transformer": None,
            "role_arn": None,
        }
    )


def _some_rule(
    name: str, what: str, pattern: Mapping[str, Any], settings: StackSettings, place: Place, names: Names
) -> DesiredRule:
    desired = DesiredRule(
        name=name,
        settings={
            "description": f"{what} for the connection {settings.connection_name}",
            "event_pattern": pattern,
            "state": "ENABLED",
        },
        tags=settings.tags,
        purge_tags=False,
        targets=[_target(settings, place, names)],
    )
    check_rule(desired)
    return desired


def _rule(settings: StackSettings, place: Place, names: Names) -> DesiredRule:
    if not settings.present:
        return DesiredRule(names.base, present=False)
    pattern = registry_pattern(settings.failed_calls)
    return _some_rule(names.base, "Changes of the SageMaker Model Registry", pattern, settings, place, names)


def _native_rule(settings: StackSettings, place: Place, names: Names) -> DesiredRule:
    """A rule of its own: the first one keeps the vendor's pattern word for word, and either can be switched off."""
    if not (settings.present and settings.native_events):
        return DesiredRule(names.native_rule, present=False)
    return _some_rule(names.native_rule, "State changes of model packages", NATIVE_PATTERN, settings, place, names)


def _alarms(settings: StackSettings, place: Place, names: Names) -> DesiredAlarms:
    wanted = settings.alarms
    actions = wanted.actions if wanted else None
    age = wanted.oldest_message_age if wanted else 0
    visible = "ApproximateNumberOfMessagesVisible"
    alarms = {
        f"{names.base}-oldest-message": queue_alarm(
            names.queue,
            "ApproximateAgeOfOldestMessage",
            age,
            f"The oldest registry event has waited for over {age} seconds: look whether the sync agent runs.",
            actions,
        ),
        f"{names.base}-dlq": queue_alarm(
            names.dead_letter_queue, visible, 0, "Registry events could not be processed and were set aside.", actions
        ),
        f"{names.base}-target-dlq": queue_alarm(
            names.target_dead_letter_queue, visible, 0, "EventBridge could not deliver registry events.", actions
        ),
    }
    return DesiredAlarms(alarms, present=bool(settings.present and wanted and wanted.enabled), tags=settings.tags)


def _role(settings: StackSettings, place: Place, names: Names) -> RoleAndTrust:
    access = settings.access
    if access is None or not settings.present:
        return RoleAndTrust(DesiredRole(access.role_name if access else "", present=False), None)
    kms_key = settings.kms_master_key_id
    desired = DesiredRole(
        name=access.role_name,
        path=access.role_path,
        description="Lets watsonx.governance read registry events and keep the SageMaker Model Registry in step",
        managed_policies=full_access_policies(place.partition) if access.full_access else (),
        purge_managed_policies=access.purge_policies,
        inline_policies={}
        if access.full_access
        else agent_policies(place, names, kms_key, without_search=access.without_search),
        purge_inline_policies=access.purge_policies,
        tags=access.tags,
        purge_tags=False,
    )
    check_role(desired)
    return RoleAndTrust(desired, _trust(access))


def _trust(access: AccessSettings) -> Trust:
    trust = Trust(
        accounts=(access.trusted_account,),
        external_id=access.external_id or None,
        generate_external_id=not access.external_id,
    )
    check_trust(trust)
    return trust
