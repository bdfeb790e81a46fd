# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts: what goes into a model card and what is kept, names that SageMaker takes, and the next step."""

from __future__ import annotations

import copy
import json
import re
import unicodedata
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.entities import ModelCard, ModelPackage
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.use_case_names import (
    LONGEST_DESCRIPTION,
    described,
    first_package_token,
    group_names,
    group_tags,
    is_ours,
    slugged,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.use_case_plan import first_package_arn, next_step
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.use_case_text import (
    LONGEST_TEXT,
    PURPOSE_FIELD,
    TEXT_RULES,
    CardChange,
    agrees,
    change_card,
    texts_of,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.use_cases import UseCase

MOMENT = datetime(2026, 11, 22, tzinfo=timezone.utc)
PACKAGE = ModelPackage("arn:…:model-package/churn/1", "churn", 1, MOMENT, MOMENT)
CASE = UseCase("17", "Retention", "Retention", "", None, None, "", "")
# From the JSON schema of a package's model card in the SageMaker developer guide: these sections take no other keys.
SCHEMA = {
    "business_details": {"business_problem", "business_stakeholders", "line_of_business"},
    "intended_uses": {
        "purpose_of_model",
        "intended_uses",
        "factors_affecting_model_efficiency",
        "risk_rating",
        "explanations_for_risk_rating",
    },
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
SECTION = st.dictionaries(
    st.sampled_from(["business_problem", "intended_uses", "purpose_of_model", "risk_rating", "x"]), JSON, max_size=5
)
CONTENT = st.dictionaries(st.sampled_from(["business_details", "intended_uses"]), SECTION | JSON, max_size=2).flatmap(
    lambda known: st.dictionaries(st.text(max_size=5), JSON, max_size=2).map(lambda others: {**others, **known})
)
CARDS = st.none() | st.builds(ModelCard, st.sampled_from(["", "Draft", "Approved"]), CONTENT)
CASES = st.builds(
    lambda text, purpose: replace(CASE, description=text, fields={PURPOSE_FIELD: purpose} if purpose else {}),
    st.text(max_size=40),
    st.text(max_size=40),
)


def without_our_places(content: Any) -> Any:
    """The content less what rules may write, sections that are left empty included."""
    left = copy.deepcopy(dict(content))
    for rule in TEXT_RULES:
        if isinstance(left.get(rule.section), dict):
            left[rule.section].pop(rule.key, None)
    return {key: value for key, value in left.items() if value != {} or key not in SCHEMA}


@given(CARDS, CASES)
def test_a_change_says_what_it_should_and_touches_nothing_else(card: ModelCard | None, case: UseCase) -> None:
    package, texts = replace(PACKAGE, card=card), texts_of(case)
    before = copy.deepcopy(card)
    change = change_card(package, texts)
    assert package.card == before
    if not isinstance(change, CardChange):
        assert change is None or "not an object" in change
        assert (change is None) == agrees(package, texts)
        return
    for rule, text in texts.items():
        assert change.card.content[rule.section][rule.key] == text
    assert without_our_places(change.card.content) == without_our_places({} if card is None else card.content)
    assert set(change.before) <= set(change.after)
    after = replace(package, card=ModelCard("Draft", change.card.content))
    assert change_card(after, texts) is None


@given(CASES)
def test_what_is_written_is_within_the_schema(case: UseCase) -> None:
    change = change_card(PACKAGE, texts_of(replace(case, description=case.description * 200)))
    content = change.card.content if isinstance(change, CardChange) else {}
    for section, values in content.items():
        assert set(values) <= SCHEMA[section]
        assert all(isinstance(text, str) and 0 < len(text) <= LONGEST_TEXT for text in values.values())
    json.dumps(content)


def test_every_place_of_the_table_is_one_of_the_schema() -> None:
    assert all(rule.key in SCHEMA[rule.section] for rule in TEXT_RULES)
    assert len({rule.path for rule in TEXT_RULES}) == len(TEXT_RULES)


def test_a_long_text_is_cut_and_marked() -> None:
    (text, *_others) = texts_of(replace(CASE, description="x" * 5000)).values()
    assert (len(text), text[-3:]) == (LONGEST_TEXT, "[…]")


def test_purpose_stands_in_front_of_the_description() -> None:
    texts = {rule.key: text for rule, text in texts_of(replace(CASE, description="what")).items()}
    assert texts["purpose_of_model"] == "what"
    case = replace(CASE, description="what", fields={PURPOSE_FIELD: "why"})
    texts = {rule.key: text for rule, text in texts_of(case).items()}
    assert (texts["purpose_of_model"], texts["intended_uses"]) == ("why", "what")


# ---- names

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


@given(st.text(max_size=120), st.integers(1, 10**12).map(str))
def test_every_name_is_one_that_sagemaker_takes_and_no_two_are_alike(title: str, case_id: str) -> None:
    names = group_names(title, case_id)
    assert all(NAME.fullmatch(name) and name == name.lower() for name in names)
    assert len(set(names)) == len(names) >= 2
    assert all(case_id in name for name in names[1:])


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Claims triage (EU) – März", "claims-triage-eu-marz"),
        ("--A__b--", "a-b"),
        ("信用リスク", "use-case"),
        ("", "use-case"),
        ("Ärger & Co.", "arger-co"),
        ("x" * 80, "x" * 63),
        ("a" * 62 + " b", "a" * 62),
    ],
)
def test_slugs(title: str, slug: str) -> None:
    assert slugged(title) == slug


@given(st.text(max_size=3000))
def test_descriptions_hold_only_what_sagemaker_takes(text: str) -> None:
    made = described(text)
    assert len(made) <= LONGEST_DESCRIPTION
    assert all(unicodedata.category(char)[0] in "LMZSNP" for char in made)


def test_a_token_is_always_the_same_and_each_groups_own() -> None:
    token = first_package_token("17", "arn:a")
    assert re.fullmatch(r"[a-zA-Z0-9-]{1,36}", token)
    assert token == first_package_token("17", "arn:a")
    assert len({token, first_package_token("18", "arn:a"), first_package_token("17", "arn:b")}) == 3


TAG = re.compile(r"[\w\s.:/=+\-@]{0,256}")


@given(st.text(min_size=1, max_size=300))
def test_tags_are_such_as_aws_takes_and_tell_consoles_apart(url: str) -> None:
    tags = group_tags("17", "4711", url)
    assert all(TAG.fullmatch(value) for value in tags.values())
    assert is_ours(tags, "17", url)
    assert not is_ours(tags, "18", url)
    assert not is_ours({**tags, "wxgov:console": "https://another.example.com"}, "17", "https://one.example.com")
    assert not is_ours({}, "17", url)


def test_the_first_package_of_a_group() -> None:
    arn = first_package_arn("arn:aws-cn:sagemaker:cn-north-1:111122223333:model-package-group/Churn")
    assert arn == "arn:aws-cn:sagemaker:cn-north-1:111122223333:model-package/churn/1"


@pytest.mark.parametrize(
    ("owner", "announced", "has_arn", "step"),
    [
        ("nobody", False, False, "choose"),  # no ARN yet: choose one
        ("nobody", True, True, "make"),  # cut off after the ARN was announced
        ("nobody", False, True, "nothing"),  # was in step, and deleted in the registry
        ("us", True, True, "make"),  # cut off after the group was made
        ("us", False, True, "make"),  # in step already, perhaps without package
        ("others", True, True, "choose"),  # somebody was quicker
        ("others", False, True, "nothing"),  # linked by hand
    ],
)
def test_steps(owner: Any, announced: bool, has_arn: bool, step: str) -> None:
    assert next_step(owner, announced=announced, has_arn=has_arn) == step
