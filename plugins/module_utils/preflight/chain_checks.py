# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the way of an event through AWS: trail → rule → pattern → target → queue policy → queue.

The judging functions are pure: from what was read to a check. `check_chain` reads and hands over.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..connection.model import Connection
from ..errors import WxgovError
from ..trail_coverage import EVENT_NAMES, Coverage
from .aws_reader import AwsReader
from .checks import Check
from .errors import AwsAbsentError
from .event_chain import (
    Queue,
    QueueId,
    Rule,
    Target,
    queue_of,
    read_coverage,
    read_queue,
    read_queue_by_arn,
    read_rules,
    rule_name,
)
from .inspector import Inspector, look
from .profile_check import PROFILE, check_profile
from .queue_policy import Sending, may_send

TRAIL = "aws.trail"
RULE = "aws.rule"
PATTERN = "aws.pattern"
TARGET = "aws.target"
TARGET_DEAD_LETTERS = "aws.target_dead_letters"
QUEUE_POLICY = "aws.queue_policy"
QUEUE = "aws.queue"
DEAD_LETTERS = "aws.dead_letters"

ALL = (TRAIL, RULE, PATTERN, TARGET, TARGET_DEAD_LETTERS, QUEUE_POLICY, QUEUE, DEAD_LETTERS, PROFILE)
"""What an inspector sees, in the order of the chain."""
SHORT_RETENTION = 345600
"""Seconds: the 4 days that the vendor's page has. An agent that is down for longer loses events."""
BACKLOG = 1000
"""Messages in the queue from which on somebody should look why nobody takes them."""

_STACK = "Run onboard_account (or connection_stack) for the account again: it makes"
_REACH = "See that this host reaches AWS, and check again."


def check_chain(connection: Connection, inspector: Inspector) -> tuple[Check, ...]:
    """Return the checks of the chain and of the profile, about 20 calls with one rule and one trail. Never raises."""
    try:
        reader = inspector.enter()
    except WxgovError as error:
        return _nobody_looks(inspector, str(error))
    trail = look(TRAIL, inspector, lambda: judge_trail(read_coverage(reader)), _REACH)
    profile = check_profile(connection, inspector, reader)
    try:
        queue_id = queue_of(connection)
    except WxgovError as error:
        return (trail, *_skipped(str(error), *ALL[1:-1]), profile)
    queue, found = _look_at_queue(connection, reader, inspector, queue_id)
    rules, checks = _look_at_rules(connection, reader, inspector, queue_id)
    return (
        trail,
        *checks,
        _look_at_target_letters(reader, inspector, rules),
        judge_policy(found, rules, queue_id),
        queue,
        _look_at_dead_letters(reader, inspector, found),
        profile,
    )


def _nobody_looks(inspector: Inspector, reason: str) -> tuple[Check, ...]:
    """Skip the chain. A role that was given to look with and cannot is a warning, once."""
    skipped = skipped_chain(reason)
    if inspector.kind != "role":
        return skipped
    mend = "Mend inspector_role_arn, inspector_external_id, or the role's trust policy."
    return (Check(TRAIL, "warning", f"The inspector cannot look: {reason}", mend), *skipped[1:])


def skipped_chain(reason: str) -> tuple[Check, ...]:
    """Return the checks of the chain where nobody can look; the first says why."""
    return (*_skipped(f"Nobody could look: {reason}", TRAIL), *_skipped(f"Nobody could look: see {TRAIL}.", *ALL[1:]))


def _skipped(reason: str, *names: str) -> tuple[Check, ...]:
    return tuple(Check(name, "skipped", reason) for name in names)


def _look_at_queue(
    connection: Connection, reader: AwsReader, inspector: Inspector, queue_id: QueueId
) -> tuple[Check, Queue | None]:
    seen: list[Queue] = []

    def see() -> Check:
        try:
            seen.append(read_queue(reader, queue_id.name, connection.queue_url))
        except AwsAbsentError:
            mend = f"{_STACK} the queue. Or give the connection the queue_url of the one that is there."
            return Check(QUEUE, "failed", f"There is no queue {connection.queue_url}.", mend)
        return judge_queue(seen[0])

    return look(QUEUE, inspector, see, _REACH), seen[0] if seen else None


def _look_at_rules(
    connection: Connection, reader: AwsReader, inspector: Inspector, queue_id: QueueId
) -> tuple[tuple[Rule, ...] | None, tuple[Check, ...]]:
    """The rules that count (None where they could not be read), and the checks of rule, pattern and target."""
    seen: list[tuple[Rule, ...]] = []

    def see() -> Check:
        seen.append(read_rules(reader, connection, queue_id))
        return judge_rule(seen[0], queue_id, rule_name(connection))

    rule = look(RULE, inspector, see, _REACH)
    rules = in_force(seen[0]) if seen else None
    if not rules:
        reason = "There is no rule to look at." if seen else "The rule could not be read."
        return rules, (rule, *_skipped(reason, PATTERN, TARGET))
    return rules, (rule, judge_pattern(rules), judge_target(rules, queue_id))


def in_force(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules that send anything now; where all are disabled, all of them: each link is judged by itself."""
    return tuple(rule for rule in rules if rule.enabled) or tuple(rules)


def carrying(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules that take any of the registry's calls, or all where none does."""
    return tuple(rule for rule in rules if rule.takes) or tuple(rules)


def judge_trail(coverage: Coverage) -> Check:
    """Judge whether the registry's calls are recorded in the region."""
    if coverage.covering:
        return Check(TRAIL, "ok", f"The trail {coverage.covering.name} logs the registry's calls in {coverage.region}.")
    mend = (
        "Start or mend a trail that logs management write events, or run onboard_account with aws_events_create_trail."
    )
    unreadable = [trail.name for trail in coverage.trails if trail.logging and trail.selectors_error]
    return Check(TRAIL, "warning" if unreadable else "failed", coverage.mend(), mend)


def judge_rule(rules: Sequence[Rule], queue_id: QueueId, expected: str) -> Check:
    """Judge whether there is a rule, and an enabled one."""
    if not rules:
        evidence = (
            f"No rule of the default event bus in {queue_id.region} has the queue {queue_id.arn} as target, and there "
            f"is none called {expected}."
        )
        return Check(RULE, "failed", evidence, f"{_STACK} the rule.")
    names = _listed([rule.name for rule in in_force(rules)])
    if not any(rule.enabled for rule in rules):
        return Check(
            RULE, "failed", f"Disabled: {names}.", f"Enable it: aws events enable-rule --name {rules[0].name}."
        )
    return Check(RULE, "ok", f"Enabled: {names}.")


def judge_pattern(rules: Sequence[Rule]) -> Check:
    """Judge whether the patterns take each of the registry's calls; EventBridge has been asked about each."""
    missing = [name for name in EVENT_NAMES if not any(name in rule.takes for rule in rules)]
    names = _listed([rule.name for rule in carrying(rules)])
    if missing:
        return Check(PATTERN, "failed", f"{names} leaves out {', '.join(missing)}.", f"{_STACK} the pattern.")
    return Check(PATTERN, "ok", f"EventBridge says that {names} matches all {len(EVENT_NAMES)} registry calls.")


def judge_target(rules: Sequence[Rule], queue_id: QueueId) -> Check:
    """Judge whether every rule that matters sends the whole event to the queue, with a message group."""
    for rule in carrying(rules):
        if not rule.targets:
            evidence = f"The rule {rule.name} does not have the queue {queue_id.arn} as target."
            return Check(TARGET, "failed", evidence, f"{_STACK} the target.")
        for target in rule.targets:
            problem = _target_problem(target)
            if problem:
                return Check(TARGET, "failed", f"The target of the rule {rule.name} {problem}", f"{_STACK} the target.")
    groups = {target.message_group_id for rule in carrying(rules) for target in rule.targets}
    return Check(TARGET, "ok", f"The queue is the target, with the message group {_listed(sorted(map(str, groups)))}.")


def _target_problem(target: Target) -> str:
    if not target.message_group_id:
        return "has no message group (SqsParameters.MessageGroupId): a FIFO queue takes no message without one."
    if target.changed_by:
        return f"has {_listed(target.changed_by)}: the agent needs the event as it is."
    return ""


def _look_at_target_letters(reader: AwsReader, inspector: Inspector, rules: tuple[Rule, ...] | None) -> Check:
    pairs = [(rule, target) for rule in carrying(rules or ()) for target in rule.targets]
    if not pairs:
        return Check(TARGET_DEAD_LETTERS, "skipped", "There is no target to look at.")
    return _worst([_look_at_letters(reader, inspector, rule, target) for rule, target in pairs])


def _look_at_letters(reader: AwsReader, inspector: Inspector, rule: Rule, target: Target) -> Check:
    arn = target.dead_letter_arn
    if not arn:
        evidence = f"The target of the rule {rule.name} has no dead-letter queue: what cannot be delivered is lost."
        return Check(TARGET_DEAD_LETTERS, "warning", evidence, f"{_STACK} one.")

    def see() -> Check:
        try:
            return judge_target_letters(read_queue_by_arn(reader, arn), Sending(rule.arn, arn))
        except AwsAbsentError:
            evidence = f"The dead-letter queue {arn} of the rule's target does not exist."
            return Check(TARGET_DEAD_LETTERS, "failed", evidence, f"{_STACK} it.")

    return look(TARGET_DEAD_LETTERS, inspector, see, _REACH)


def judge_target_letters(queue: Queue, sending: Sending) -> Check:
    """Judge the queue for what a rule could not deliver."""
    verdict = may_send(queue.attributes.get("Policy"), sending)
    if verdict in ("denied", "not allowed"):
        evidence = f"The policy of {queue.name} does not let the rule {sending.rule_arn} send: dead letters are lost."
        return Check(TARGET_DEAD_LETTERS, "failed", evidence, f"{_STACK} the policy.")
    if queue.waiting:
        mend = (
            "Read their message attributes ERROR_CODE and ERROR_MESSAGE, mend that, purge the queue, and run "
            "sync_existing: it needs no events."
        )
        evidence = f"{queue.waiting} events that EventBridge could not deliver are in {queue.name}."
        return Check(TARGET_DEAD_LETTERS, "warning", evidence, mend)
    if verdict == "unclear":
        evidence = f"The policy of {queue.name} hangs on conditions that are not understood here."
        return Check(TARGET_DEAD_LETTERS, "warning", evidence, "Look at the policy, or run the probe.")
    return Check(TARGET_DEAD_LETTERS, "ok", f"{queue.name} takes what cannot be delivered, and is empty.")


def judge_policy(queue: Queue | None, rules: tuple[Rule, ...] | None, queue_id: QueueId) -> Check:
    """Judge whether the queue's policy lets every rule that matters send."""
    if queue is None or not rules:
        reason = "The queue could not be read." if queue is None else "There is no rule that could send."
        return Check(QUEUE_POLICY, "skipped", reason)
    policy = queue.attributes.get("Policy")
    verdicts = {rule.name: may_send(policy, Sending(rule.arn, queue_id.arn)) for rule in carrying(rules)}
    shut_out = [name for name, verdict in verdicts.items() if verdict in ("denied", "not allowed")]
    if shut_out:
        evidence = (
            f"The policy of {queue.name} shuts EventBridge out that sends for {_listed(shut_out)}: no event arrives."
        )
        return Check(QUEUE_POLICY, "failed", evidence, f"{_STACK} the policy.")
    if "unclear" in verdicts.values():
        evidence = f"The policy of {queue.name} hangs on conditions that are not understood here."
        return Check(QUEUE_POLICY, "warning", evidence, "Look at the policy, or run the probe.")
    return Check(QUEUE_POLICY, "ok", f"The policy lets EventBridge send for {_listed(list(verdicts))}.")


def judge_queue(queue: Queue) -> Check:
    """Judge the queue's own settings and how much waits in it."""
    attributes = queue.attributes
    retention = int(attributes.get("MessageRetentionPeriod", 0))
    if attributes.get("FifoQueue") != "true":
        return Check(QUEUE, "failed", f"{queue.name} is not a FIFO queue.", f"{_STACK} one; name it with queue_url.")
    if attributes.get("ContentBasedDeduplication") != "true":
        evidence = f"{queue.name} has no content-based deduplication, and EventBridge sends no deduplication id."
        return Check(QUEUE, "failed", evidence, f"{_STACK} a queue with it.")
    if attributes.get("KmsMasterKeyId", "").endswith("alias/aws/sqs"):
        evidence = f"{queue.name} is encrypted with AWS's own key alias/aws/sqs, which EventBridge may not use."
        return Check(
            QUEUE, "failed", evidence, "Use SQS's managed encryption, or a key of your own: kms_master_key_id."
        )
    if retention < SHORT_RETENTION:
        evidence = f"{queue.name} keeps messages for {retention} seconds only."
        return Check(QUEUE, "warning", evidence, f"{_STACK} it {SHORT_RETENTION} or more: message_retention_period.")
    if queue.waiting > BACKLOG:
        evidence = f"About {queue.waiting} messages wait in {queue.name}."
        return Check(QUEUE, "warning", evidence, "See whether the agent runs and what it logs.")
    days = f"{retention / 86400:g} days"
    return Check(QUEUE, "ok", f"{queue.name} is FIFO, keeps messages for {days}, and about {queue.waiting} wait.")


def _look_at_dead_letters(reader: AwsReader, inspector: Inspector, queue: Queue | None) -> Check:
    if queue is None:
        return Check(DEAD_LETTERS, "skipped", "The queue could not be read.")
    arn = queue.dead_letter_arn
    if arn is None:
        evidence = f"{queue.name} has no dead-letter queue: the agent cannot set aside what it cannot read."
        return Check(DEAD_LETTERS, "warning", evidence, f"{_STACK} one.")

    def see() -> Check:
        try:
            return judge_dead_letters(read_queue_by_arn(reader, arn))
        except AwsAbsentError:
            return Check(DEAD_LETTERS, "failed", f"The dead-letter queue {arn} does not exist.", f"{_STACK} it.")

    return look(DEAD_LETTERS, inspector, see, _REACH)


def judge_dead_letters(queue: Queue) -> Check:
    """Judge the queue behind the queue."""
    if queue.waiting:
        mend = "Read why in their message attributes, mend that, purge the queue, and run sync_existing."
        return Check(DEAD_LETTERS, "warning", f"{queue.waiting} messages were set aside in {queue.name}.", mend)
    return Check(DEAD_LETTERS, "ok", f"{queue.name} is there and empty.")


_RANK = ("ok", "skipped", "warning", "failed")


def _worst(checks: Sequence[Check]) -> Check:
    return max(checks, key=lambda check: _RANK.index(check.status))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
