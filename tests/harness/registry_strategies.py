# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hypothesis strategies for registry entities and for the consoles that may face them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.schema import FieldDefinition
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.entities import (
    Creator,
    LifeCycle,
    ModelCard,
    ModelPackage,
    ModelPackageGroup,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.projection import TargetFields

STEM = "arn:aws:sagemaker:us-east-1:111122223333:"
EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)
STATUSES = ("Proposed", "Under Development", "Development Complete", "Decommissioned")
MODEL_FIELDS = {
    "MRG-Model:Status": ("ENUM_TYPE", STATUSES),
    "MRG-Model:Model Owner": ("STRING_TYPE", ()),
    "MRG-Model:Model Version": ("STRING_TYPE", ()),
    "MRG-Model:Model Non Model": ("ENUM_TYPE", ("Model", "Non-Model")),
    "MRG-Model:Machine Learning Model": ("ENUM_TYPE", ("Yes", "No")),
    "MRG-AIFacts-Model:External Provider": ("STRING_TYPE", ()),
    "MRG-AIFacts-Model:External Model Name": ("STRING_TYPE", ()),
    "MRG-AIFacts-Model:Algorithm": ("STRING_TYPE", ()),
    "MRG-AIFacts-Model:Prediction Type": ("STRING_TYPE", ()),
    "MRG-AIFacts-Model:TrainingParameters": ("LARGE_STRING_TYPE", ()),
    "MRG-UserFact-Model:Additional Details": ("MEDIUM_STRING_TYPE", ()),
    "Integration:External ID": ("STRING_TYPE", ()),
    "Integration:Additional Information": ("MEDIUM_STRING_TYPE", ()),
}

group_names = st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,20}", fullmatch=True)
texts = st.text(max_size=40)
times = st.integers(0, 10**6).map(lambda seconds: EPOCH + timedelta(seconds=seconds))
life_cycles = st.none() | st.builds(
    LifeCycle,
    stage=st.sampled_from(["Development", "Archived", "Proposal", "Production"]),
    stage_status=st.sampled_from(["InProgress", "Complete", "Retired", "Approved"]),
)
card_contents = st.fixed_dictionaries(
    {},
    optional={
        "model_overview": st.fixed_dictionaries(
            {}, optional={"algorithm_type": texts, "problem_type": texts, "model_owner": texts}
        )
        | texts,
        "training_details": st.dictionaries(texts, texts, max_size=2),
    },
)
cards = st.none() | st.builds(ModelCard, status=st.sampled_from(["", "Draft", "Archived"]), content=card_contents)


def target(**without: Any) -> TargetFields:
    """The model type of a console, without the fields named (by True)."""
    return TargetFields(
        {
            name: FieldDefinition(str(number), name, data_type, enum_values=enum)
            for number, (name, (data_type, enum)) in enumerate(MODEL_FIELDS.items(), 1)
            if not without.get(name)
        }
    )


@st.composite
def packages(draw: st.DrawFn, arn: str | None = None) -> ModelPackage:
    """A versioned model package; with `arn`, another state of that package."""
    name = draw(group_names)
    version = draw(st.integers(1, 9))
    created = draw(times)
    return ModelPackage(
        arn=arn or f"{STEM}model-package/{name.lower()}/{version}",
        group_name=name,
        version=version,
        created_at=created,
        last_modified_at=created + timedelta(seconds=draw(st.integers(0, 1000))),
        description=draw(texts),
        status=draw(st.sampled_from(["Completed", "InProgress", "Failed"])),
        approval_status=draw(st.sampled_from(["", "Approved", "Rejected", "PendingManualApproval"])),
        approval_description=draw(texts),
        life_cycle=draw(life_cycles),
        card=draw(cards),
        creator=draw(st.builds(Creator, user_profile_name=texts)),
        metadata=draw(st.dictionaries(st.sampled_from(["Owner", "team"]), texts)),
    )


@st.composite
def groups(draw: st.DrawFn) -> ModelPackageGroup:
    """A model package group."""
    name = draw(group_names)
    return ModelPackageGroup(f"{STEM}model-package-group/{name}", name, draw(times), draw(texts))
