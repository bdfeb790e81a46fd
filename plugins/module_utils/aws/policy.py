# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM policy documents: checked before they are sent, compared by meaning, merged by Sid.

Two texts of one policy differ in many ways that mean nothing: one value or a list of one, the order of a list, the
case of an action or of a condition key, an account id or its root ARN, true or "true". `same_policy` sees through
these in every partition. What the words mean: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .arn import ACCOUNT_ID
from .documents import compact
from .errors import InputError

Document = Mapping[str, Any]

VERSION = "2012-10-17"
OLD_VERSION = "2008-10-17"  # what AWS takes for granted where Version is missing
_STATEMENT_KEYS = frozenset(
    (
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    )
)
_BY_KIND: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # kind: (what each statement needs one of, what it must not have)
    "trust": (("Principal", "NotPrincipal"), ("Resource", "NotResource")),
    "identity": (("Resource", "NotResource"), ("Principal", "NotPrincipal")),
    "resource": (("Principal", "NotPrincipal"), ()),
}


def as_list(value: Any) -> list[Any]:
    """A list as it is, nothing as the empty list, anything else as a list of one."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]


def statements(document: Document | None) -> list[Document]:
    """The statements of a policy."""
    return [] if not document else as_list(document.get("Statement"))


# --- checking -------------------------------------------------------------------------------------------------------


def check_policy(document: Document, option: str, kind: str) -> None:
    """Raise InputError for what AWS would refuse as malformed; `kind` is trust, identity or resource."""
    found = statements(document)
    if not found:
        raise InputError(f"{option} has no Statement; a policy needs at least one.")
    for index, statement in enumerate(found):
        problem = _statement_problem(statement, kind)
        if problem:
            raise InputError(f"{option}: statement {_name(statement, index)} {problem}.")
    _check_sids(found, option)


def _name(statement: Any, index: int) -> str:
    sid = statement.get("Sid") if isinstance(statement, Mapping) else None
    return f"{index + 1} ({sid})" if sid else str(index + 1)


def _statement_problem(statement: Any, kind: str) -> str:
    if not isinstance(statement, Mapping):
        return "is not an object"
    unknown = sorted(set(statement) - _STATEMENT_KEYS)
    if unknown:
        return f"has an unknown element {unknown[0]}"
    if statement.get("Effect") not in ("Allow", "Deny"):
        return f"has Effect {statement.get('Effect')!r}; it must be Allow or Deny"
    if not (statement.get("Action") or statement.get("NotAction")):
        return "has neither Action nor NotAction"
    return _kind_problem(statement, kind)


def _kind_problem(statement: Document, kind: str) -> str:
    needed, forbidden = _BY_KIND[kind]
    if not any(statement.get(key) for key in needed):
        return f"has neither {needed[0]} nor {needed[1]}"
    for key in forbidden:
        if key in statement:
            return f"has {key}, which a policy of this kind must not have"
    if not isinstance(statement.get("Condition", {}), Mapping):
        return "has a Condition that is not an object"
    return ""


def _check_sids(found: Sequence[Document], option: str) -> None:
    seen: set[str] = set()
    for statement in found:
        sid = statement.get("Sid", "")
        if sid in seen:
            raise InputError(f"{option} has two statements with the Sid {sid!r}; a Sid must be unique in a policy.")
        if sid:
            seen.add(sid)


# --- comparing ------------------------------------------------------------------------------------------------------


def canonical_policy(document: Document | None, partition: str) -> Any:
    """A value that is equal for two policies of the same meaning; None for no policy."""
    if not document:
        return None
    return {
        "version": document.get("Version", OLD_VERSION),
        "id": document.get("Id", ""),
        "statements": sorted(canonical_statement(statement, partition) for statement in statements(document)),
    }


def canonical_statement(statement: Document, partition: str) -> str:
    """A text that is equal for two statements of the same meaning (and the same Sid)."""
    rendered: dict[str, Any] = {}
    for key, value in statement.items():
        if key in ("Principal", "NotPrincipal"):
            rendered[key] = _canonical_principal(value, partition)
        elif key in ("Action", "NotAction"):
            rendered[key] = sorted({str(action).lower() for action in as_list(value)})
        elif key in ("Resource", "NotResource"):
            rendered[key] = sorted({str(resource) for resource in as_list(value)})
        elif key == "Condition":
            rendered[key] = _canonical_condition(value)
        else:
            rendered[key] = value
    return compact({key: value for key, value in rendered.items() if value not in ("", {}, None)})


def _canonical_principal(value: Any, partition: str) -> dict[str, list[str]]:
    # A bare "*" and {"AWS": "*"} are the same in a policy that allows; AWS documents them as equivalent.
    by_kind = value if isinstance(value, Mapping) else {"AWS": value}
    return {
        kind: sorted({_canonical_member(kind, str(member), partition) for member in as_list(members)})
        for kind, members in by_kind.items()
    }


def _canonical_member(kind: str, member: str, partition: str) -> str:
    if kind == "AWS" and ACCOUNT_ID.fullmatch(member):
        return f"arn:{partition}:iam::{member}:root"
    return member


def _canonical_condition(condition: Document) -> dict[str, Any]:
    return {
        operator: {key.lower(): sorted({_text(item) for item in as_list(values)}) for key, values in keys.items()}
        for operator, keys in condition.items()
        if keys
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def same_policy(one: Document | None, other: Document | None, partition: str) -> bool:
    """Whether two policies mean the same; a missing one equals only a missing or empty one."""
    return bool(canonical_policy(one, partition) == canonical_policy(other, partition))


# --- merging --------------------------------------------------------------------------------------------------------


def merge_by_sid(current: Document | None, wanted: Document, partition: str) -> Document:
    """`current` with the statements of `wanted` in it.

    A wanted statement takes the place of the one with its Sid. A wanted statement without Sid is added unless one that
    means the same is there. Every other statement of `current` stays, in its place.
    """
    if not current:
        return dict(wanted)
    by_sid = {statement["Sid"]: statement for statement in statements(wanted) if statement.get("Sid")}
    merged = [by_sid.pop(statement.get("Sid", ""), statement) for statement in statements(current)]
    there = {canonical_statement(statement, partition) for statement in merged}
    merged += list(_missing(wanted, by_sid, there, partition))
    result = {**current, **{key: value for key, value in wanted.items() if key != "Statement"}, "Statement": merged}
    return dict(current) if same_policy(result, current, partition) else result


def _missing(wanted: Document, left: Mapping[str, Any], there: set[str], partition: str) -> Iterator[Document]:
    for statement in statements(wanted):
        sid = statement.get("Sid")
        if sid in left if sid else canonical_statement(statement, partition) not in there:
            yield statement


# --- trust ----------------------------------------------------------------------------------------------------------


def trust_policy(
    accounts: Sequence[str], services: Sequence[str], external_id: str | None, partition: str
) -> dict[str, Any]:
    """A trust policy for AWS accounts (12 digits, or the ARN of a principal) and for AWS services."""
    found: list[dict[str, Any]] = []
    if accounts:
        principals = [_canonical_member("AWS", account, partition) for account in accounts]
        trust: dict[str, Any] = {
            "Sid": "TrustedAccounts",
            "Effect": "Allow",
            "Principal": {"AWS": sorted(principals)},
            "Action": "sts:AssumeRole",
        }
        if external_id:
            trust["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
        found.append(trust)
    if services:
        found.append(
            {
                "Sid": "TrustedServices",
                "Effect": "Allow",
                "Principal": {"Service": sorted(services)},
                "Action": "sts:AssumeRole",
            }
        )
    return {"Version": VERSION, "Statement": found}


def external_id_of(document: Document | None) -> str | None:
    """The external id that a trust policy asks for; None where it asks for none or for several."""
    ids = {external_id for statement in statements(document) for external_id in _external_ids(statement)}
    return ids.pop() if len(ids) == 1 else None


def _external_ids(statement: Document) -> Iterator[str]:
    for operator, keys in (statement.get("Condition") or {}).items():
        if operator in ("StringEquals", "StringLike"):
            for key, values in keys.items():
                if key.lower() == "sts:externalid":
                    yield from (str(value) for value in as_list(values))


def open_principals(document: Document) -> list[str]:
    """The AWS principals that a trust policy lets in without an external id, sorted."""
    found: set[str] = set()
    for statement in statements(document):
        if statement.get("Effect") != "Allow" or any(_external_ids(statement)):
            continue
        principal = statement.get("Principal", {})
        by_kind = principal if isinstance(principal, Mapping) else {"AWS": principal}
        found.update(str(member) for member in as_list(by_kind.get("AWS")))
    return sorted(found)


def account_of(principal: str) -> str:
    """The account of an AWS principal (12 digits or an ARN); the empty text when it is none, as for `*`."""
    if ACCOUNT_ID.fullmatch(principal):
        return principal
    parts = principal.split(":")
    return parts[4] if len(parts) > 5 and parts[0] == "arn" else ""
