# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two emulated sides, changed as data scientists and governance people change them; each change goes into a Book.

A change of the registry returns the body of the event that CloudTrail would make of it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.demo.scenario import ConsoleSession
from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.faults import Faults
from tests.emulators.console.server import ConsoleEmulator
from tests.integration.schedules.book import (
    ALGORITHM,
    ARN,
    DESCRIPTION,
    OWNER,
    STATUS,
    VERSION,
    Book,
    Group,
    Package,
    Value,
    owner_of,
)

ACCOUNT, REGION = "111122223333", "us-east-1"
ENTITY = "SageMaker production"
ANCHOR = "anchor"
CASE_STATUS, APPROVED = "MRG-AIFacts-ModelUseCase:Status", "Approved for Development"


@dataclass
class Case:
    """A use case as the schedule made it."""

    id: str
    name: str
    misplaced: bool
    approved: bool = False


class Sides:
    """Registry and console of one schedule."""

    def __init__(self, aws: AwsEmulator, console: ConsoleEmulator, sagemaker: Any) -> None:
        self.aws, self.console, self.sagemaker = aws, console, sagemaker
        self.aws.reset()
        self.console.reset()
        for name in ("alice", "bob", "governance.team"):
            self.console.add_user(name, f"{name}@example.com")
        self.session = ConsoleSession(console.url)
        self.entity = self.session.create("SOXBusEntity", ENTITY)
        self.child = self.session.create("SOXBusEntity", "A department", self.entity)
        self.foreign = self._fill_with_what_is_not_ours()
        self.cases: dict[str, Case] = {}
        self.book = Book(ACCOUNT)
        # A registry that lists nothing is the guard's business and no schedule's.
        self.create_group(ANCHOR, "always there")
        self.create_package(ANCHOR, "always there", "", "", "Approved")

    def _fill_with_what_is_not_ours(self) -> dict[str, dict[str, Any]]:
        """Objects that must never be touched, under our entity and under another; one has a name that we would give."""
        other = self.session.create("SOXBusEntity", "Another bank")
        group = self.session.create("ModelGroup", "churn", self.entity)
        model = self.session.create("Model", "churn-v1", group)
        arn = f"arn:aws:sagemaker:{REGION}:444455556666:model-package/churn/1"
        abroad = self.session.create("Model", "churn-v2", other, **{ARN: arn})
        ids = {other, group, model, abroad}
        return {document["id"]: document for document in self.console.objects() if document["id"] in ids}

    def touched_foreigners(self) -> list[str]:
        """The ids of objects that were changed though they are not ours."""
        now = {document["id"]: document for document in self.console.objects()}
        return [object_id for object_id, before in self.foreign.items() if now.get(object_id) != before]

    # ---- registry --------------------------------------------------------------------------------------------------

    def create_group(self, name: str, text: str) -> str:
        """Create a group, or one deleted before anew."""
        arn = self.sagemaker.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription=text)[
            "ModelPackageGroupArn"
        ]
        turn = self.book.next_turn()
        known = self.book.groups.get(name)
        if known is None:
            self.book.groups[name] = Group(arn, name, Value(text, turn))
        else:
            known.is_there = True
            known.description.registry, known.description.registry_turn = text, turn
        return _event("CreateModelPackageGroup", {"modelPackageGroupName": name}, {"modelPackageGroupArn": arn})

    def create_package(self, group: str, text: str, owner: str, algorithm: str, approval: str) -> str:
        """Register a new version."""
        request: dict[str, Any] = {
            "ModelPackageGroupName": group,
            "ModelPackageDescription": text,
            "ModelApprovalStatus": approval,
        }
        if owner:
            request["CustomerMetadataProperties"] = {"Owner": owner}
        if algorithm:
            request["ModelCard"] = _card(algorithm, "Draft")
        arn = self.sagemaker.create_model_package(**request)["ModelPackageArn"]
        turn = self.book.next_turn()
        version = int(arn.rsplit("/", 1)[-1])
        values = {
            DESCRIPTION: Value(text, turn),
            OWNER: Value(owner_of(owner), turn),
            VERSION: Value(str(version), turn),
            ALGORITHM: Value(algorithm or None, turn),
        }
        self.book.packages[arn] = Package(arn, group, version, values, approval)
        self.book.groups[group].packages += 1
        return _event("CreateModelPackage", {"modelPackageGroupName": group}, {"modelPackageArn": arn})

    def approve(self, package: Package, approval: str) -> str:
        """Change the approval status."""
        self.sagemaker.update_model_package(ModelPackageArn=package.arn, ModelApprovalStatus=approval)
        self.book.next_turn()
        package.approval = approval
        return _event("UpdateModelPackage", {"modelPackageArn": package.arn}, {"modelPackageArn": package.arn})

    def move_on(self, package: Package, stage: str, status: str) -> str:
        """Change the life cycle."""
        self.sagemaker.update_model_package(
            ModelPackageArn=package.arn, ModelLifeCycle={"Stage": stage, "StageStatus": status}
        )
        package.set_life_cycle((stage, status), self.book.next_turn())
        return _event("UpdateModelPackage", {"modelPackageArn": package.arn}, {"modelPackageArn": package.arn})

    def rewrite_card(self, package: Package, algorithm: str, status: str) -> str:
        """Change the model card."""
        self.sagemaker.update_model_package(ModelPackageArn=package.arn, ModelCard=_card(algorithm, status))
        value = package.values[ALGORITHM]
        value.registry, value.registry_turn = algorithm, self.book.next_turn()
        if status == "Archived" and not package.card_archived:
            package.card_archived_turn = value.registry_turn
        package.card_archived = status == "Archived"
        return _event("UpdateModelPackage", {"modelPackageArn": package.arn}, {"modelPackageArn": package.arn})

    def delete_package(self, package: Package) -> str:
        """Delete a version."""
        self.sagemaker.delete_model_package(ModelPackageName=package.arn)
        self.book.next_turn()
        package.is_there = False
        self.book.groups[package.group].packages -= 1
        return _event("DeleteModelPackage", {"modelPackageName": package.arn}, None)

    def delete_group(self, group: Group) -> str:
        """Delete an empty group."""
        self.sagemaker.delete_model_package_group(ModelPackageGroupName=group.name)
        self.book.next_turn()
        group.is_there = False
        return _event("DeleteModelPackageGroup", {"modelPackageGroupName": group.name}, None)

    # ---- console ---------------------------------------------------------------------------------------------------

    def object_of(self, arn: str) -> dict[str, Any] | None:
        """The console's object with this ARN."""
        found = (document for document in self.objects() if document["fields"].get(ARN) == arn)
        return next(found, None)

    def edit(self, package: Package, name: str, value: str) -> None:
        """Let a person change a field of a model in the console, if the model is there."""
        document = self.object_of(package.arn)
        if document is None:
            return
        change = {"description": value} if name == DESCRIPTION else {"fields": [{"name": name, "value": value}]}
        self._put(document, change)
        package.values[name].console, package.values[name].console_turn = value, self.book.next_turn()

    def set_status(self, package: Package, status: str) -> None:
        """Let a person change a model's status in the console, if the model is there."""
        document = self.object_of(package.arn)
        if document is not None:
            self._put(document, {"fields": [{"name": STATUS, "value": {"name": status}}]})
            package.console_status, package.console_status_turn = status, self.book.next_turn()

    def propose(self, name: str, *, misplaced: bool) -> None:
        """Let a person write down a use case, under our entity or (R13) under a child of it."""
        with self._undisturbed():
            case_id = self.session.create("Register", name, self.child if misplaced else self.entity)
        self.cases[case_id] = Case(case_id, name, misplaced)

    def approve_case(self, case: Case) -> None:
        """Let a person approve a use case."""
        with self._undisturbed():
            document = self.session.get(case.id)
        self._put(document, {"fields": [{"name": CASE_STATUS, "value": {"name": APPROVED}}]})
        case.approved = True

    def look_at_registry(self) -> Iterator[str]:
        """Put into the book what SageMaker has; say what is wrong with what the product made there (R13, R20, R22)."""
        groups = self.sagemaker.list_model_package_groups(MaxResults=100)["ModelPackageGroupSummaryList"]
        for group in groups:
            name = group["ModelPackageGroupName"]
            listed = self.sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]
            for summary in listed:
                cycle = summary.get("ModelLifeCycle")
                arn = summary["ModelPackageArn"]
                self.book.cycles[arn] = (cycle["Stage"], cycle["StageStatus"]) if cycle else None
            if name not in self.book.groups:
                self.book.made_by_product |= {group["ModelPackageGroupArn"], *(s["ModelPackageArn"] for s in listed)}
        yield from self._wrong_cases()

    def _wrong_cases(self) -> Iterator[str]:
        made = {arn for arn in self.book.made_by_product if ":model-package-group/" in arn}
        found = [arn for case in self.cases.values() for arn in self._group_arns(case)]
        if sorted(found) != sorted(made):
            yield f"the product made {sorted(made)} and the approved use cases have {sorted(found)}"
        for case in self.cases.values():
            arns = self._group_arns(case)
            if len(arns) != int(case.approved and not case.misplaced):
                yield f"the use case {case} has the model package groups {arns}"
            for arn in arns:
                yield from self._wrong_group(case, arn)

    def _group_arns(self, case: Case) -> list[str]:
        groups = [d for d in self.objects() if d.get("primary_parent_id") == case.id and ARN in d["fields"]]
        return [str(document["fields"][ARN]) for document in groups]

    def _wrong_group(self, case: Case, arn: str) -> Iterator[str]:
        name = arn.rsplit("/", 1)[-1]
        packages = self.sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]
        if len(packages) != 1:
            yield f"the use case {case} has {len(packages)} first packages"
        for summary in packages:
            package = self.sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
            if case.name not in package.get("ModelCard", {}).get("ModelCardContent", ""):
                yield f"the text of {case} is not in the card of {summary['ModelPackageArn']}"

    def _put(self, document: dict[str, Any], change: dict[str, Any]) -> None:
        body = {key: document[key] for key in ("type_definition_id", "name", "title", "description")}
        with self._undisturbed():
            self.session.update(document["id"], {**body, **change})

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """What goes wrong goes wrong for the product: it must not hit the schedule's own hand."""
        broken, self.console.faults = self.console.faults, Faults()
        try:
            yield
        finally:
            self.console.faults = broken

    def objects(self) -> list[dict[str, Any]]:
        """All models and model groups of the console that are ours or might be, with fields as a dictionary."""
        found = [*self.console.objects("ModelGroup"), *self.console.objects("Model")]
        return [
            {
                **document,
                "fields": {cell["name"]: _plain(cell["value"]) for cell in document["fields"] if "value" in cell},
            }
            for document in found
        ]


def event_of_answer(operation: str, answer: dict[str, Any]) -> str | None:
    """The event that one of the product's own calls makes; None for a call that only reads."""
    if operation == "create_model_package_group":
        arn = answer["ModelPackageGroupArn"]
        name = arn.rsplit("/", 1)[-1]
        return _event("CreateModelPackageGroup", {"modelPackageGroupName": name}, {"modelPackageGroupArn": arn})
    if operation in ("create_model_package", "update_model_package"):
        arn = {"modelPackageArn": answer["ModelPackageArn"]}
        return _event("CreateModelPackage" if operation.startswith("create") else "UpdateModelPackage", arn, arn)
    return None


def _plain(value: Any) -> Any:
    return value["name"] if isinstance(value, dict) else value


def _card(algorithm: str, status: str) -> dict[str, str]:
    content = {"model_overview": {"algorithm_type": algorithm}}
    return {"ModelCardContent": json.dumps(content), "ModelCardStatus": status}


def _event(name: str, request: dict[str, Any], response: dict[str, Any] | None) -> str:
    """A CloudTrail record as EventBridge wraps it (the layout of the CloudTrail user guide's record contents)."""
    return json.dumps(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "AWS API Call via CloudTrail",
            "source": "aws.sagemaker",
            "account": ACCOUNT,
            "time": "2026-10-22T09:10:13Z",
            "region": REGION,
            "resources": [],
            "detail": {
                "eventVersion": "1.11",
                "eventTime": "2026-10-22T09:10:13Z",
                "eventSource": "sagemaker.amazonaws.com",
                "eventName": name,
                "awsRegion": REGION,
                "requestParameters": request,
                "responseElements": response,
                "eventID": str(uuid.uuid4()),
                "recipientAccountId": ACCOUNT,
            },
        }
    )
