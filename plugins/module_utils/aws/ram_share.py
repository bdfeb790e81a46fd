# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RAM resource shares: read one or many, make one what it should be.

`ensure_share` is what modules call; it needs a client and no Ansible module, so that one process can do many accounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .arn import Arn
from .client import ServiceClient
from .errors import AwsError, InputError
from .identity import AccountId
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge
from .ram_share_plan import NEW_SHARE, DesiredShare, ShareState, check_owner, permission_arn, plan_share

ABSENT = ("UnknownResourceException",)
TOKEN = ("nextToken", "nextToken")
_LIVE = ("ACTIVE", "PENDING", "FAILED")
_IN_TRANSITION = "InvalidStateTransitionException"
_MOST_ARNS = 50  # shares asked about in one call


# --- reading --------------------------------------------------------------------------------------------------------


def read_share(ram: ServiceClient, desired: DesiredShare) -> ShareState | None:
    """The account's own share that `desired` names: four calls, one where there is none.

    Raises InputError when several shares have the name: RAM does not mind.
    """
    if desired.foreseen:
        return None
    found = list_own_shares(ram, name=desired.name, arn=desired.arn)
    if len(found) > 1:
        arns = ", ".join(share.arn for share in found)
        raise InputError(f"There are {len(found)} resource shares named {desired.name!r}; give arn, one of {arns}.")
    return found[0] if found else None


def list_own_shares(
    ram: ServiceClient, *, name: str | None = None, arn: str | None = None, prefix: str = ""
) -> list[ShareState]:
    """The account's own live shares, by ARN, by name, or all whose name begins with `prefix`.

    One call for the shares, two for what they hold, one more a share; more where RAM pages.
    """
    listed = [share for share in _shares(ram, "SELF", name, arn) if share["name"].startswith(prefix)]
    arns = [share["resourceShareArn"] for share in listed]
    resources = _associations(ram, "RESOURCE", arns)
    principals = _associations(ram, "PRINCIPAL", arns)
    return [_state(ram, share, [*resources, *principals]) for share in listed]


def list_received_shares(
    ram: ServiceClient, *, name: str | None = None, arn: str | None = None, prefix: str = ""
) -> list[ShareState]:
    """The live shares that other accounts share with this one; RAM tells neither their principals nor their tags."""
    listed = [share for share in _shares(ram, "OTHER-ACCOUNTS", name, arn) if share["name"].startswith(prefix)]
    resources: list[Mapping[str, Any]] = []
    for some in _chunks([share["resourceShareArn"] for share in listed]):
        wanted = {"resourceOwner": "OTHER-ACCOUNTS", "resourceShareArns": some}
        resources += ram.pages("list_resources", ", ".join(some), "resources", TOKEN, **wanted)
    return [
        replace(
            _listed_state(share),
            resource_arns=frozenset(
                entry["arn"] for entry in resources if entry["resourceShareArn"] == share["resourceShareArn"]
            ),
        )
        for share in listed
    ]


def _shares(ram: ServiceClient, owner: str, name: str | None, arn: str | None) -> list[Mapping[str, Any]]:
    wanted: dict[str, Any] = {"resourceOwner": owner}
    if arn:
        wanted["resourceShareArns"] = [arn]
    elif name:
        wanted["name"] = name
    try:
        listed = ram.pages("get_resource_shares", arn or name or "all shares", "resourceShares", TOKEN, **wanted)
    except AwsError as error:
        if error.code in ABSENT:
            return []
        raise
    return [share for share in listed if share["status"] in _LIVE]


def _chunks(arns: Sequence[str]) -> Iterable[Sequence[str]]:
    return (arns[start : start + _MOST_ARNS] for start in range(0, len(arns), _MOST_ARNS))


def _associations(ram: ServiceClient, kind: str, arns: Sequence[str]) -> list[Mapping[str, Any]]:
    method, key = "get_resource_share_associations", "resourceShareAssociations"
    found: list[Mapping[str, Any]] = []
    for some in _chunks(arns):
        found += ram.pages(method, ", ".join(some), key, TOKEN, associationType=kind, resourceShareArns=some)
    return found


def _listed_state(share: Mapping[str, Any]) -> ShareState:
    return ShareState(
        name=share["name"],
        arn=share["resourceShareArn"],
        account_id=share["owningAccountId"],
        allow_external_principals=bool(share["allowExternalPrincipals"]),
        status=share["status"],
        status_message=share.get("statusMessage", ""),
        tags={tag["key"]: tag["value"] for tag in share.get("tags", [])},
    )


def _state(ram: ServiceClient, share: Mapping[str, Any], associations: Iterable[Mapping[str, Any]]) -> ShareState:
    arn = share["resourceShareArn"]
    method = "list_resource_share_permissions"
    permissions = ram.pages(method, arn, "permissions", TOKEN, resourceShareArn=arn)
    state = replace(
        _listed_state(share),
        permissions={permission["resourceType"].lower(): permission["arn"] for permission in permissions},
    )
    return with_associations(state, (entry for entry in associations if entry["resourceShareArn"] == arn))


def with_associations(state: ShareState, associations: Iterable[Mapping[str, Any]]) -> ShareState:
    """The share with what GetResourceShareAssociations says of it.

    An account that has not answered its invitation yet is ASSOCIATING for as long as it likes, so it is pending, not
    unsettled: nobody can wait for it here.
    """
    found: dict[str, set[str]] = {"RESOURCE": set(), "PRINCIPAL": set(), "pending": set(), "unsettled": set()}
    failed: dict[str, str] = {}
    for entry in associations:
        entity, kind, status = entry["associatedEntity"], entry["associationType"], entry["status"]
        if status == "FAILED":
            failed[entity] = entry.get("statusMessage", "")
        elif status == "DISASSOCIATING":
            found["unsettled"].add(entity)
        elif status != "DISASSOCIATED":
            found[kind].add(entity)
            if status == "ASSOCIATING":
                invited = kind == "PRINCIPAL" and ":organizations:" not in entity
                found["pending" if invited else "unsettled"].add(entity)
    return replace(
        state,
        resource_arns=frozenset(found["RESOURCE"]),
        principals=frozenset(found["PRINCIPAL"]),
        pending=frozenset(found["pending"]),
        unsettled=frozenset(found["unsettled"]),
        failed=failed,
    )


# --- ensuring -------------------------------------------------------------------------------------------------------


def ensure_share(
    ram: ServiceClient,
    desired: DesiredShare,
    permissions: Sequence[str] | None,
    *,
    account: AccountId,
    check_mode: bool,
    patience: Patience,
    token: str,
) -> Outcome[ShareState]:
    """Make the share what it should be and read it back; in check mode only say what would be done.

    `permissions` are ARNs or names, None leaves them alone. `token` makes a repeated creation harmless; a new one each
    run.
    """
    if desired.foreseen and not check_mode:
        raise InputError(f"arn is {desired.arn!r}, which only stands for a share in check mode; give its real ARN.")
    current = read_share(ram, desired)
    if desired.present:
        _check_state(current)
        check_owner(desired, current.account_id if current else account())
        desired = replace(desired, permissions=resolve_permissions(ram, permissions, current))
    plan = plan_share(desired, current, partial(_future_arn, ram, account))
    writer = _Writer(ram, desired, patience, token, current.arn if current else "")
    return converge(plan, check_mode=check_mode, apply=writer.apply, read_back=writer.read_back)


def _check_state(current: ShareState | None) -> None:
    if current is not None and current.status == "FAILED":
        raise AwsError(
            f"The resource share {current.name} has failed: {current.status_message or 'AWS does not say why'}; delete "
            "it with state: absent and make it again."
        )


def _future_arn(ram: ServiceClient, account: AccountId) -> Arn:
    return Arn(ram.partition, "ram", ram.region, account(), f"resource-share/{NEW_SHARE}")


def resolve_permissions(
    ram: ServiceClient, permissions: Sequence[str] | None, current: ShareState | None
) -> dict[str, str] | None:
    """ARNs by type of resource; one call for each permission that the share does not have yet.

    Raises InputError for two of one type, and for one that is not there.
    """
    if permissions is None:
        return None
    attached = {arn: kind for kind, arn in (current.permissions if current else {}).items()}
    resolved: dict[str, str] = {}
    for permission in permissions:
        arn = permission_arn(permission, ram.partition)
        kind = attached.get(arn) or _permission_type(ram, arn)
        if resolved.setdefault(kind, arn) != arn:
            raise InputError(
                f"permissions has {resolved[kind]!r} and {arn!r}, both for {kind}; a share has one for each type."
            )
    return resolved


def _permission_type(ram: ServiceClient, arn: str) -> str:
    answer = ram.find("get_permission", arn, ABSENT, permissionArn=arn)
    if answer is None:
        raise InputError(f"permissions: there is no RAM permission {arn}.")
    return str(ram.required(answer, "permission", "get_permission", arn)["resourceType"]).lower()


@dataclass(slots=True)
class _Writer:
    """Carries out the operations of one share; knows its ARN once it is made."""

    ram: ServiceClient
    desired: DesiredShare
    patience: Patience
    token: str
    arn: str

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation."""
        ram, arn = self.ram, self.arn
        if operation.name == "create_resource_share":
            self._create()
        elif operation.name == "delete_resource_share":
            ram.find("delete_resource_share", arn, (*ABSENT, _IN_TRANSITION), resourceShareArn=arn)
        elif operation.name == "update_resource_share":
            names = {"name": "name", "allow_external_principals": "allowExternalPrincipals"}
            changes = {names[key]: value for key, value in operation.after.items()}
            ram.call("update_resource_share", arn, resourceShareArn=arn, **changes)
        elif operation.name == "associate_resource_share_permission":
            (permission,) = operation.after["permissions"].values()
            known = bool(operation.before["permissions"])
            ram.call(operation.name, arn, resourceShareArn=arn, permissionArn=permission, replace=known)
        elif operation.name == "associate_resource_share":
            self._change("associate_resource_share", operation.after)
        elif operation.name == "disassociate_resource_share":
            self._change("disassociate_resource_share", operation.before)
        elif operation.name == "tag":
            ram.call("tag_resource", arn, resourceShareArn=arn, tags=_tags(operation.after["tags"]))
        else:
            ram.call("untag_resource", arn, resourceShareArn=arn, tagKeys=list(operation.before["tags"]))

    def _create(self) -> None:
        """One call with everything, so that no principal sees a share without its permission."""
        desired = self.desired
        given = {
            "allowExternalPrincipals": desired.allow_external_principals,
            "resourceArns": list(desired.resource_arns or ()),
            "principals": list(desired.principals or ()),
            "permissionArns": list((desired.permissions or {}).values()),
            "tags": _tags(desired.tags or {}),
        }
        parameters = {key: value for key, value in given.items() if value not in (None, [])}
        name = desired.label
        answer = self.ram.call("create_resource_share", name, name=name, clientToken=self.token, **parameters)
        share = self.ram.required(answer, "resourceShare", "create_resource_share", name)
        self.arn = share["resourceShareArn"]

    def _change(self, method: str, entities: Mapping[str, Sequence[str]]) -> None:
        """Associate or disassociate; what is still on its way from an earlier change is waited for."""
        lists = {"resourceArns": entities["resource_arns"], "principals": entities["principals"]}
        given = {key: list(value) for key, value in lists.items() if value}

        def ask() -> AwsError | None:
            try:
                self.ram.call(method, self.arn, resourceShareArn=self.arn, **given)
            except AwsError as error:
                if error.code != _IN_TRANSITION:
                    raise
                return error
            return None

        refused, done = self.patience.until(ask, lambda answer: answer is None)
        if not done and refused is not None:
            raise refused

    def read_back(self, plan: Plan[ShareState]) -> tuple[ShareState | None, tuple[str, ...]]:
        """Read until the share shows what was written and RAM has done with it."""
        desired = replace(self.desired, arn=self.arn) if plan.after else self.desired

        def left(state: ShareState | None) -> tuple[Operation, ...]:
            if state is None and desired.present:
                return plan.operations
            return plan_share(desired, state, partial(_future_arn, self.ram, str)).operations

        def read() -> ShareState | None:
            state = read_share(self.ram, desired)
            _raise_failed(desired, state)
            return state

        state, settled = self.patience.until(
            read, lambda answer: not left(answer) and not (answer and answer.unsettled)
        )
        if settled:
            return state, ()
        late = ", ".join([*(operation.name for operation in left(state)), *sorted(state.unsettled if state else ())])
        return state, (f"RAM accepted the change of {self.desired.label} but has not done with it yet: {late}.",)


def _raise_failed(desired: DesiredShare, state: ShareState | None) -> None:
    """Raise AwsError for what RAM could not associate."""
    wanted = {*(desired.resource_arns or ()), *(desired.principals or ())}
    failed = {entity: why for entity, why in (state.failed if state else {}).items() if entity in wanted}
    if failed and desired.present and not wanted <= (state.resource_arns | state.principals if state else set()):
        each = "; ".join(f"{entity}: {why or 'AWS does not say why'}" for entity, why in sorted(failed.items()))
        raise AwsError(f"RAM could not put into the resource share {desired.label}: {each}")


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]
