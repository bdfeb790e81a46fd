# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection's own mapping: what it changes, and what is said of one that cannot be used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.entities import LifeCycle
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.conversions import CONVERSIONS
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import MappingError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import DEFAULT, Kind, MetricSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping_overrides import effective_table
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.registry_values import is_known

STATUS = "MRG-Model:Status"
VERSION = "MRG-Model:Model Version"


def rule(overrides, field, kind=Kind.MODEL):
    return effective_table(overrides).rule(kind, field)


def test_nothing_changed_is_the_default():
    assert effective_table({}) is DEFAULT
    assert effective_table({"rows": [], "statuses": []}).fingerprint == DEFAULT.fingerprint


def test_the_default_is_made_of_what_there_is():
    for kind, rules in DEFAULT.rules.items():
        assert all(is_known(kind, rule.value) and rule.conversion in CONVERSIONS for rule in rules)
        assert len({rule.field for rule in rules}) == len(rules)


def test_a_row_is_added_changed_and_dropped():
    added = rule({"rows": [{"field": "X:Y", "value": "created_at", "conversion": "date", "max_length": 10}]}, "X:Y")
    assert (added.direction, added.winner, added.conversion, added.max_length) == ("to_console", "registry", "date", 10)
    changed = rule({"rows": [{"field": VERSION, "winner": "console"}]}, VERSION)
    assert (changed.value, changed.winner) == ("version", "console")
    dropped = effective_table({"rows": [{"field": VERSION, "drop": True}]})
    assert VERSION not in {rule.field for rule in dropped.rules[Kind.MODEL]}
    assert len(dropped.rules[Kind.MODEL]) == len(DEFAULT.rules[Kind.MODEL]) - 1
    of_group = rule({"rows": [{"field": "X:Y", "kind": "model_group", "value": "name"}]}, "X:Y", Kind.GROUP)
    assert of_group.value == "name"


def test_who_writes_alone_is_right_unless_it_says_otherwise():
    row = {"field": "X:Y", "value": "metadata:team", "direction": "to_registry"}
    assert rule({"rows": [row]}, "X:Y").winner == "console"
    assert rule({"rows": [{**row, "winner": "registry"}]}, "X:Y").winner == "registry"
    assert rule({"rows": [{**row, "direction": "both"}]}, "X:Y").winner == "registry"


def test_statuses_are_added_changed_and_dropped():
    table = effective_table(
        {
            "statuses": [
                {"status": "In Validation", "stage": "Validation", "stage_status": "InProgress", "direction": "both"},
                {"status": "Development Complete", "direction": "both"},
                {"status": "Model Definition", "drop": True},
            ]
        }
    )
    assert table.life_cycle("In Validation") == LifeCycle("Validation", "InProgress")
    assert table.console_status(LifeCycle("Validation", "InProgress")) == "In Validation"
    assert table.console_status(LifeCycle("Development", "Complete")) == "Development Complete"
    assert table.life_cycle("Model Definition") is None
    assert len(table.statuses) == len(DEFAULT.statuses)


def test_metrics_are_asked_for():
    assert effective_table({"metrics": {}}).metrics == MetricSettings()
    assert effective_table({"metrics": {"enabled": False}}).metrics is None
    own = effective_table({"metrics": {"type": "Measure", "value_field": "M:V"}})
    assert own.metrics == MetricSettings("Measure", "M:V")


@pytest.mark.parametrize(
    "overrides",
    [
        {"rows": [{"field": VERSION, "winner": "console"}]},
        {"rows": [{"field": VERSION, "max_length": 20}]},
        {"statuses": [{"status": "Proposed", "direction": "both"}]},
        {"metrics": {}},
    ],
)
def test_every_change_has_another_fingerprint(overrides):
    assert effective_table(overrides).fingerprint != DEFAULT.fingerprint
    assert effective_table(overrides).fingerprint == effective_table(overrides).fingerprint


ROW = {"field": "X:Y", "value": "version"}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"row": []}, "unknown key 'row'; there are metrics, rows, statuses"),
        ({"rows": {"field": "X:Y"}}, "rows is not a list"),
        ({"rows": ["X:Y"]}, r"rows\[1\] is not a dictionary"),
        ({"rows": [{"value": "version"}]}, r"rows\[1\] needs a text as its field"),
        ({"rows": [ROW, {"field": "X:Z"}]}, r"rows\[2\] \(X:Z\) is a new row and needs a value"),
        ({"rows": [{**ROW, "value": 3}]}, r"rows\[1\] \(X:Y\) needs a text as its value"),
        (
            {"rows": [{**ROW, "value": "versoin"}]},
            "the value 'versoin', which a model does not have; there are .*version",
        ),
        ({"rows": [{**ROW, "value": "card:a..b"}]}, "the value 'card:a..b'"),
        ({"rows": [{**ROW, "value": "metadata:"}]}, "the value 'metadata:'"),
        ({"rows": [{**ROW, "kind": "model_group"}]}, "the value 'version', which a model group does not have"),
        ({"rows": [{**ROW, "value": "console_status"}]}, "belongs to MRG-Model:Status alone"),
        ({"rows": [{**ROW, "direction": "up"}]}, "the direction 'up'; there are to_console, to_registry, both"),
        ({"rows": [{**ROW, "winner": "me"}]}, "the winner 'me'; there are registry, console"),
        ({"rows": [{**ROW, "conversion": "rot13"}]}, "the conversion 'rot13'; there are text, json"),
        ({"rows": [{**ROW, "overflow": "drop"}]}, "the overflow 'drop'; there are cut, leave"),
        ({"rows": [{**ROW, "max_length": 3}]}, "the max_length 3; it must be a whole number above 4"),
        ({"rows": [{**ROW, "max_length": True}]}, "the max_length True"),
        ({"rows": [{**ROW, "at_creation": "yes"}]}, "the at_creation 'yes', which is neither true nor false"),
        ({"rows": [{**ROW, "length": 3}]}, "unknown key 'length'"),
        ({"rows": [ROW, ROW]}, "rows has the field X:Y 2 times"),
        ({"rows": [{**ROW, "direction": "both"}]}, "goes to the registry, where version cannot be written"),
        (
            {"rows": [{"field": "X:Y", "value": "metadata:a", "direction": "both", "conversion": "json"}]},
            "its conversion must be text and not json",
        ),
        (
            {"rows": [{"field": "X:Y", "value": "metadata:a", "direction": "both", "at_creation": True}]},
            "cannot be for the creation",
        ),
        (
            {
                "rows": [
                    {"field": "X:Y", "value": "metadata:a", "direction": "both"},
                    {"field": "X:Z", "value": "metadata:a", "direction": "to_registry"},
                ]
            },
            "2 rows go to metadata:a in the registry; one may",
        ),
        ({"rows": [{"field": "A:ARN", "value": "version"}]}, r"rows\[1\] \(A:ARN\) is the field of the ARN"),
        ({"rows": [{"field": "X:Y", "drop": True}]}, "is dropped, but there is no such row"),
        ({"rows": [{"field": VERSION, "drop": True, "winner": "console"}]}, "is dropped and cannot be changed as well"),
        ({"rows": [{"field": STATUS, "drop": True}]}, "cannot be dropped: every object needs it"),
        ({"rows": [{"field": STATUS, "direction": "to_console"}]}, "unknown key 'direction'; of the status"),
        ({"statuses": [{"status": "New"}]}, r"statuses\[1\] \(New\) is a new row and needs stage and stage_status"),
        ({"statuses": [{"status": "New", "stage": "a b", "stage_status": "c"}]}, "the stage 'a b'; SageMaker takes"),
        ({"statuses": [{"status": "New", "drop": True}]}, "is dropped, but there is no such row"),
        (
            {"statuses": [{"status": "New", "stage": "Development", "stage_status": "InProgress"}]},
            "New sets Development/InProgress in SageMaker, which sets the status Under Development in the console",
        ),
        (
            {"statuses": [{"status": "New", "stage": "Archived", "stage_status": "Old"}]},
            "New sets Archived/Old in SageMaker, which sets the status Decommissioned",
        ),
        (
            {
                "statuses": [
                    {"status": "A", "stage": "S", "stage_status": "T", "direction": "to_console"},
                    {"status": "B", "stage": "S", "stage_status": "T", "direction": "to_console"},
                ]
            },
            "S/T sets 2 different statuses",
        ),
        ({"metrics": True}, "metrics.* is not a dictionary"),
        ({"metrics": {"kind": "Metric"}}, "unknown key 'kind'"),
        ({"metrics": {"type": ""}}, "needs a text as its type"),
    ],
)
def test_what_is_wrong_is_said_with_the_row_and_the_reason(overrides, words):
    with pytest.raises(MappingError, match=words):
        effective_table(overrides, ("A:ARN", "A:State"))


KEYS = ("rows", "statuses", "metrics", "field", "kind", "value", "direction", "winner", "conversion", "max_length")
MORE_KEYS = ("overflow", "at_creation", "drop", "status", "stage", "stage_status", "enabled", "type", "value_field")
words = st.sampled_from([VERSION, STATUS, "both", "text"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS + MORE_KEYS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
entries = st.dictionaries(st.sampled_from(["field", "value", "status", "stage", "drop", "direction"]), anything)


@given(
    st.dictionaries(st.sampled_from(["rows", "statuses", "metrics", "other"]), anything)
    | st.fixed_dictionaries({"rows": st.lists(entries, max_size=2), "statuses": st.lists(entries, max_size=2)})
)
def test_whatever_is_given_is_a_mapping_or_an_error_of_ours(overrides):
    message, table = "", None
    try:
        table = effective_table(overrides)
    except MappingError as error:
        message = str(error)
    if table is None:
        assert message.startswith("The mapping cannot be used: ")
    else:
        assert table.rule(Kind.MODEL, STATUS)
