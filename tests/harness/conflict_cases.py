# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every combination of changes on the two sides, as cases that can be carried out, and the page made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import groupby

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.schema import FieldDefinition
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.entities import (
    LifeCycle,
    ModelPackage,
    ModelPackageGroup,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping_overrides import effective_table
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.projection import TargetFields
from tests.harness.registry_strategies import STEM, target
from tests.harness.two_sides import OWNER, STATUS, Sides

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
STATUSES = (
    "Proposed",
    "Model Definition",
    "Under Development",
    "Data Acquisition",
    "Development Complete",
    "Decommissioned",
    "In Validation",  # a status that the table does not have
)
TEAM = "MRG-Model:Developer"
TICKET = "MRG-Model:Source"
OVERRIDES = {
    "rows": [
        {"field": TEAM, "value": "metadata:team", "direction": "both"},
        {"field": TICKET, "value": "metadata:ticket", "direction": "to_registry"},
    ]
}
PACKAGE = ModelPackage(
    arn=f"{STEM}model-package/churn/3",
    group_name="churn",
    version=3,
    created_at=NOON,
    last_modified_at=NOON,
    description="first text",
    approval_status="Approved",
    life_cycle=LifeCycle("Development", "InProgress"),
    metadata={"team": "red", "ticket": "T-1"},
)
GROUP = ModelPackageGroup(f"{STEM}model-package-group/churn", "churn", NOON, "first text")
GONE = "[No longer in Amazon SageMaker] "


def fields(*, winner: str | None = None) -> TargetFields:
    """The model type of a console that has more statuses than the status table."""
    overrides = dict(OVERRIDES)
    if winner is not None:
        overrides["rows"] = [*OVERRIDES["rows"], {"field": STATUS, "winner": winner}]
    known = {
        **target().definitions,
        STATUS: FieldDefinition("1", STATUS, "ENUM_TYPE", enum_values=STATUSES),
        TEAM: FieldDefinition("901", TEAM, "STRING_TYPE"),
        TICKET: FieldDefinition("902", TICKET, "STRING_TYPE"),
    }
    return TargetFields(known, effective_table(overrides))


def model(life_cycle: str = "Development/InProgress", *, winner: str | None = None) -> Sides:
    """A model in step."""
    package = dataclasses.replace(PACKAGE, life_cycle=LifeCycle(*life_cycle.split("/")))
    return Sides(fields(winner=winner), package).settled()


def group() -> Sides:
    """A model group in step."""
    return Sides(fields(), GROUP).settled()


def gone() -> Sides:
    """A model whose package was deleted, decommissioned."""
    return model().deleted().settled()


def gone_group() -> Sides:
    """A model group whose group was deleted, marked."""
    return group().deleted().settled()


def archived() -> Sides:
    """A model that was archived by its life cycle, decommissioned."""
    return model().registry(life_cycle="Archived/Retired").settled()


def card_archived() -> Sides:
    """A model that was archived by its card, decommissioned."""
    return model().registry(card_status="Archived").settled()


@dataclass(frozen=True)
class Case:
    """One row. ``start`` are the two sides before the planner looks; afterwards they are as stated.

    ``console`` has fields of the object, ``life_cycle`` and ``metadata`` what the package has; what is not stated is
    not looked at. ``writes``: which sides are written to (the sync state counts as the console).
    """

    about: str
    in_registry: str
    in_console: str
    outcome: str
    start: Callable[[], Sides]
    console: Mapping[str, object] = field(default_factory=dict)
    life_cycle: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    writes: tuple[str, ...] = ("console",)
    conflict: str = ""
    """Who wins what is reported as a conflict; empty: nothing is."""

    @property
    def title(self) -> str:
        """A name for the test."""
        return f"{self.about}: {self.in_registry} / {self.in_console}"


KEEP: tuple[str, ...] = ()
BOTH = ("registry", "console")
UD, DC, DA = "Under Development", "Development Complete", "Data Acquisition"
IN_PROGRESS, COMPLETE, PROPOSAL = "Development/InProgress", "Development/Complete", "Proposal/Approved"

CASES: tuple[Case, ...] = (
    # ---- status
    Case("Status", "unchanged", "unchanged", "nothing is written", model, {STATUS: UD}, IN_PROGRESS, writes=KEEP),
    Case(
        "Status",
        "to a life cycle that the table takes up (Development/InProgress)",
        "unchanged",
        "the console gets the status",
        lambda: model(PROPOSAL).registry(life_cycle=IN_PROGRESS),
        {STATUS: UD},
        IN_PROGRESS,
    ),
    Case(
        "Status",
        "to a life cycle that only goes down (Development/Complete)",
        "unchanged",
        "the console keeps its status, as the one to say it; its text on the approval names the life cycle",
        lambda: model().registry(life_cycle=COMPLETE),
        {STATUS: UD},
        COMPLETE,
    ),
    Case(
        "Status",
        "to a life cycle that the table does not have (Production/Active)",
        "unchanged",
        "the console keeps its status; its text on the approval names the life cycle",
        lambda: model().registry(life_cycle="Production/Active"),
        {STATUS: UD},
        "Production/Active",
    ),
    Case(
        "Status",
        "unchanged",
        "to a status of the table (Development Complete)",
        "SageMaker gets the life cycle",
        lambda: model().console(status=DC),
        {STATUS: DC},
        COMPLETE,
        writes=BOTH,
    ),
    Case(
        "Status",
        "unchanged",
        "to a status that the table does not have (In Validation)",
        "both keep what they have; a later row for it takes it down",
        lambda: model().console(status="In Validation"),
        {STATUS: "In Validation"},
        IN_PROGRESS,
        writes=KEEP,
    ),
    Case(
        "Status",
        "unchanged",
        "to Decommissioned",
        "SageMaker gets Archived/Retired",
        lambda: model().console(status="Decommissioned"),
        {STATUS: "Decommissioned"},
        "Archived/Retired",
        writes=BOTH,
    ),
    Case(
        "Status",
        "to Development/InProgress",
        "to Development Complete",
        "the console wins, and SageMaker gets its life cycle",
        lambda: model(PROPOSAL).registry(life_cycle=IN_PROGRESS).console(status=DC),
        {STATUS: DC},
        COMPLETE,
        writes=BOTH,
        conflict="console",
    ),
    Case(
        "Status",
        "to Development/InProgress",
        "to Development Complete, in a mapping where the registry wins",
        "the console gets the status of SageMaker",
        lambda: model(PROPOSAL, winner="registry").registry(life_cycle=IN_PROGRESS).console(status=DC),
        {STATUS: UD},
        IN_PROGRESS,
        conflict="registry",
    ),
    Case(
        "Status",
        "to Development/InProgress",
        "to the same (Under Development)",
        "the two agree; only the sync state is written",
        lambda: model(PROPOSAL).registry(life_cycle=IN_PROGRESS).console(status=UD),
        {STATUS: UD},
        IN_PROGRESS,
    ),
    Case(
        "Status",
        "to Development/InProgress",
        "to a status that the table does not have (In Validation)",
        "both keep what they have",
        lambda: model(PROPOSAL).registry(life_cycle=IN_PROGRESS).console(status="In Validation"),
        {STATUS: "In Validation"},
        IN_PROGRESS,
        conflict="console",
    ),
    Case(
        "Status",
        "to a life cycle that only goes down (Development/Review)",
        "to Data Acquisition",
        "SageMaker gets the console's life cycle; what only goes down is no opinion, so this is no conflict",
        lambda: model().registry(life_cycle="Development/Review").console(status=DA),
        {STATUS: DA},
        "DataPrep-DataCollection/InProgress",
        writes=BOTH,
    ),
    # ---- archived
    Case(
        "Archived",
        "life cycle to the stage Archived",
        "unchanged",
        "the model is decommissioned",
        lambda: model().registry(life_cycle="Archived/Whatever"),
        {STATUS: "Decommissioned"},
        "Archived/Whatever",
    ),
    Case(
        "Archived",
        "model card to Archived",
        "unchanged",
        "the model is decommissioned",
        lambda: model().registry(card_status="Archived"),
        {STATUS: "Decommissioned"},
        IN_PROGRESS,
    ),
    Case(
        "Archived",
        "life cycle to the stage Archived",
        "status to Development Complete",
        "the model is decommissioned, whatever winner the mapping states",
        lambda: model().registry(life_cycle="Archived/Retired").console(status=DC),
        {STATUS: "Decommissioned"},
        "Archived/Retired",
        conflict="registry",
    ),
    Case(
        "Archived",
        "archived before, by life cycle",
        "status from Decommissioned to Proposed",
        "SageMaker gets Proposal/Approved: the model is in use again",
        lambda: archived().console(status="Proposed"),
        {STATUS: "Proposed"},
        PROPOSAL,
        writes=BOTH,
    ),
    Case(
        "Archived",
        "archived before, by model card",
        "status from Decommissioned to Proposed",
        "both keep what they have: a life cycle does not bring back an archived card",
        lambda: card_archived().console(status="Proposed"),
        {STATUS: "Proposed"},
        IN_PROGRESS,
        writes=KEEP,
    ),
    Case(
        "Archived",
        "archived before; life cycle to one that only goes down",
        "unchanged",
        "the model is Proposed again, as a new one would be",
        lambda: archived().registry(life_cycle=COMPLETE),
        {STATUS: "Proposed"},
        COMPLETE,
    ),
    # ---- description and other fields
    Case(
        "Description, and other fields that come from SageMaker",
        "changed",
        "unchanged",
        "the console gets the new value",
        lambda: model().registry(description="theirs"),
        {"Description": "theirs"},
    ),
    Case(
        "Description, and other fields that come from SageMaker",
        "unchanged",
        "changed",
        "the console keeps its value until SageMaker changes that very field",
        lambda: model().console(description="ours"),
        {"Description": "ours"},
        writes=KEEP,
    ),
    Case(
        "Description, and other fields that come from SageMaker",
        "another field changed",
        "changed",
        "the console keeps its value and gets the other field's",
        lambda: model().registry(approval_status="Rejected").console(description="ours"),
        {"Description": "ours"},
    ),
    Case(
        "Description, and other fields that come from SageMaker",
        "changed",
        "changed",
        "SageMaker wins",
        lambda: model().registry(description="theirs").console(description="ours"),
        {"Description": "theirs"},
        conflict="registry",
    ),
    Case(
        "Description, and other fields that come from SageMaker",
        "changed",
        "changed to the same",
        "the two agree; only the sync state is written",
        lambda: model().registry(description="same").console(description="same"),
        {"Description": "same"},
    ),
    Case(
        "Description, and other fields that come from SageMaker",
        "an older record (the search index lags behind)",
        "unchanged",
        "nothing is written",
        lambda: dataclasses.replace(model().registry(description="theirs").settled(), entity=PACKAGE),
        {"Description": "theirs"},
        writes=KEEP,
    ),
    # ---- owner
    Case(
        "Owner",
        "changed",
        "unchanged",
        "the console gets the new owner",
        lambda: model().registry(owner="bob"),
        {OWNER: "bob"},
    ),
    Case(
        "Owner",
        "unchanged",
        "changed",
        "the console keeps its owner",
        lambda: model().console(owner="carol"),
        {OWNER: "carol"},
        writes=KEEP,
    ),
    Case(
        "Owner",
        "changed",
        "changed",
        "the console wins",
        lambda: model().registry(owner="bob").console(owner="carol"),
        {OWNER: "carol"},
        conflict="console",
    ),
    # ---- metadata by rows of one's own
    Case(
        "A row of one's own, metadata in both directions",
        "changed",
        "unchanged",
        "the console gets the new value",
        lambda: model().registry(metadata={"team": "blue"}),
        {TEAM: "blue"},
        metadata={"team": "blue"},
    ),
    Case(
        "A row of one's own, metadata in both directions",
        "unchanged",
        "changed",
        "SageMaker gets the new value",
        lambda: model().console(**{TEAM: "green"}),
        {TEAM: "green"},
        metadata={"team": "green"},
        writes=BOTH,
    ),
    Case(
        "A row of one's own, metadata in both directions",
        "unchanged",
        "changed to what SageMaker does not take (too long, other characters, emptied)",
        "both keep what they have",
        lambda: model().console(**{TEAM: "50 % of them; or more"}),
        {TEAM: "50 % of them; or more"},
        metadata={"team": "red"},
        writes=KEEP,
    ),
    Case(
        "A row of one's own, metadata in both directions",
        "changed",
        "changed",
        "the row's winner; SageMaker, if it states none",
        lambda: model().registry(metadata={"team": "blue"}).console(**{TEAM: "green"}),
        {TEAM: "blue"},
        metadata={"team": "blue"},
        conflict="registry",
    ),
    Case(
        "A row of one's own, metadata to SageMaker only",
        "changed",
        "unchanged",
        "both keep what they have",
        lambda: model().registry(metadata={"team": "red", "ticket": "T-9"}),
        {TICKET: None},
        metadata={"ticket": "T-9"},
        writes=KEEP,
    ),
    Case(
        "A row of one's own, metadata to SageMaker only",
        "unchanged",
        "changed",
        "SageMaker gets the new value",
        lambda: (
            dataclasses.replace(model(), entity=dataclasses.replace(PACKAGE, metadata={"team": "red"}))
            .forgetting()
            .settled()
            .console(**{TICKET: "T-2"})
        ),
        {TICKET: "T-2"},
        metadata={"ticket": "T-2"},
        writes=BOTH,
    ),
    # ---- gone and back
    Case(
        "Deleted in SageMaker",
        "package deleted",
        "unchanged",
        "the model is decommissioned, and stays",
        lambda: model().deleted(),
        {STATUS: "Decommissioned"},
    ),
    Case(
        "Deleted in SageMaker",
        "package deleted",
        "status to Development Complete",
        "the model is decommissioned",
        lambda: model().console(status=DC).deleted(),
        {STATUS: "Decommissioned"},
        conflict="registry",
    ),
    Case(
        "Deleted in SageMaker",
        "package deleted",
        "description or other fields changed",
        "the model is decommissioned and keeps what was typed",
        lambda: model().console(description="ours").deleted(),
        {STATUS: "Decommissioned", "Description": "ours"},
    ),
    Case(
        "Deleted in SageMaker",
        "package deleted before",
        "status from Decommissioned to Proposed",
        "the console keeps its status: there is nothing left to compare with",
        lambda: gone().console(status="Proposed"),
        {STATUS: "Proposed"},
        writes=KEEP,
    ),
    Case(
        "Deleted in SageMaker",
        "group deleted",
        "unchanged",
        "the description says that it is gone; models, links and place stay",
        lambda: group().deleted(),
        {"Description": f"{GONE}first text"},
    ),
    Case(
        "Deleted in SageMaker",
        "group deleted",
        "description changed",
        "what was typed stays, after the note that the group is gone",
        lambda: group().console(description="ours").deleted(),
        {"Description": f"{GONE}ours"},
    ),
    Case(
        "There again under the same ARN",
        "package is there again",
        "unchanged",
        "the same object gets its status back, or Proposed where SageMaker leaves it to the console",
        lambda: gone().made_again(dataclasses.replace(PACKAGE, life_cycle=LifeCycle("Development", "Complete"))),
        {STATUS: "Proposed"},
        COMPLETE,
    ),
    Case(
        "There again under the same ARN",
        "package is there again, in development",
        "unchanged",
        "the same object is Under Development again",
        lambda: gone().made_again(PACKAGE),
        {STATUS: UD},
        IN_PROGRESS,
    ),
    Case(
        "There again under the same ARN",
        "package is there again, in development",
        "status from Decommissioned to Development Complete",
        "the console wins, and SageMaker gets its life cycle",
        lambda: gone().console(status=DC).made_again(PACKAGE),
        {STATUS: DC},
        COMPLETE,
        writes=BOTH,
        conflict="console",
    ),
    Case(
        "There again under the same ARN",
        "group is there again",
        "unchanged",
        "the note goes, and the same object keeps its links and place",
        lambda: gone_group().made_again(GROUP),
        {"Description": "first text"},
    ),
    Case(
        "There again under the same ARN",
        "group is there again",
        "description changed since",
        "the note goes, what was typed stays",
        lambda: gone_group().console(description=f"{GONE}ours").made_again(GROUP),
        {"Description": "ours"},
    ),
    # ---- never agreed
    Case(
        "An object that carries the ARN and no sync state (made or copied by hand, state deleted)",
        "any value",
        "another description",
        "SageMaker's value; never agreed on, so this is no conflict",
        lambda: model().console(description="ours").forgetting(),
        {"Description": "first text"},
    ),
    Case(
        "An object that carries the ARN and no sync state (made or copied by hand, state deleted)",
        "any owner",
        "another owner",
        "the console keeps its owner",
        lambda: model().console(owner="carol").forgetting(),
        {OWNER: "carol"},
    ),
    Case(
        "An object that carries the ARN and no sync state (made or copied by hand, state deleted)",
        "a life cycle that the table takes up",
        "another status",
        "SageMaker's status: nothing is pushed over a value that was never agreed on",
        lambda: model().console(status=DC).forgetting(),
        {STATUS: UD},
        IN_PROGRESS,
    ),
    Case(
        "An object that carries the ARN and no sync state (made or copied by hand, state deleted)",
        "a life cycle that only goes down",
        "any status",
        "both keep what they have; from now on the console's changes go down",
        lambda: model(COMPLETE).console(status=DA).forgetting(),
        {STATUS: DA},
        COMPLETE,
    ),
)

HEAD = """<!-- Copyright: Contributors to the wxgov.sagemaker project -->
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
# Who wins

For whoever asks why a value is as it is. Each field of a model or model group is compared three ways: what SageMaker
says, what the console holds, and what both last agreed on (kept in the object's own sync state). This table has every
combination. It is made from the cases that the tests carry out (`tests/harness/conflict_cases.py`), so it cannot say
what is not so.

*Changed* means: since the two sides last agreed. Where somebody wins a conflict, that is reported, once: in the agent's
log, and with the object in the result of `sync_existing_models`. After each row the two sides are in step: looking
again writes nothing.

Which status goes where is the status table of the [mapping](mapping.md); who wins a field can be changed there, too.
"""


def page() -> str:
    """Return the text of docs/conflicts.md."""
    parts = [HEAD]
    for about, cases in groupby(CASES, key=lambda case: case.about):
        parts.append(f"\n## {about}\n\n| in SageMaker | in the console | what happens | conflict | written to |\n")
        parts.append("|---|---|---|---|---|\n")
        parts.extend(_row(case) for case in cases)
    return "".join(parts)


def _row(case: Case) -> str:
    winner = {"registry": "SageMaker wins", "console": "the console wins", "": ""}[case.conflict]
    sides = ", ".join({"registry": "SageMaker", "console": "console"}[side] for side in case.writes) or "neither"
    return f"| {case.in_registry} | {case.in_console} | {case.outcome} | {winner} | {sides} |\n"
