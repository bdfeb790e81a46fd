# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies that this collection ships, as single grants that can be taken away one by one."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2

from tests.emulators.aws.access import Judgement
from tests.emulators.aws.policy import as_list, wildcard
from tests.harness.playbook import CHECKOUT

Policies = dict[str, dict[str, Any]]
ROLES = CHECKOUT / "roles"
LISTING = ["sagemaker:ListModelPackageGroups", "sagemaker:ListModelPackages"]


@dataclass(frozen=True)
class Grant:
    """One action of one statement of one policy."""

    policy: str
    sid: str
    action: str
    resources: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.sid}-{self.action}"

    def covers(self, judgement: Judgement) -> bool:
        """Whether it is what let a request through (or would have)."""
        return wildcard(self.action, judgement.action, ignore_case=True) and any(
            wildcard(resource, judgement.resource) for resource in self.resources
        )


def agent_policies(
    queue_arn: str, dead_letter_queue_arn: str, kms_key_arn: str = "", *, without_search: bool = False
) -> Policies:
    """The template of the role aws_access, rendered as the role does it."""
    _arn, partition, _sqs, region, account, _name = queue_arn.split(":")
    template = (ROLES / "aws_access" / "templates" / "policies.json.j2").read_text()
    text = (
        jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
        .from_string(template)
        .render(
            aws_access_queue_arn=queue_arn,
            aws_access_kms_key_arn=kms_key_arn,
            aws_access_dead_letter_queue_arn=dead_letter_queue_arn,
            __aws_access_registry_arn=f"arn:{partition}:sagemaker:{region}:{account}",
            **({"__aws_access_find": LISTING} if without_search else {}),
        )
    )
    policies: Policies = json.loads(text)
    return policies


def runner_policy(role: str, name: str = "runner-policy") -> Policies:
    """What the person who runs a role needs."""
    return {name: json.loads((ROLES / role / "files" / f"{name}.json").read_text())}


def grants(policies: Mapping[str, Mapping[str, Any]]) -> list[Grant]:
    """Every grant of the policies."""
    return [
        Grant(name, statement["Sid"], action, tuple(as_list(statement["Resource"])))
        for name, policy in policies.items()
        for statement in policy["Statement"]
        for action in as_list(statement["Action"])
    ]


def without(policies: Policies, grant: Grant) -> Policies:
    """The policies with one grant taken away; a statement that allows nothing any more goes."""
    left = copy.deepcopy(policies)
    for statement in left[grant.policy]["Statement"]:
        if statement["Sid"] == grant.sid:
            statement["Action"] = [action for action in as_list(statement["Action"]) if action != grant.action]
    left[grant.policy]["Statement"] = [one for one in left[grant.policy]["Statement"] if one["Action"]]
    return left


def unused(policies: Policies, judgements: Iterable[Judgement]) -> list[str]:
    """The grants that nothing among the judgements needed."""
    allowed = [judgement for judgement in judgements if judgement.allowed]
    return [str(grant) for grant in grants(policies) if not any(grant.covers(one) for one in allowed)]
