# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metric objects: what the card says, their names, and which are written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync import model_card
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.metrics import (
    MetricObject,
    metric_name,
    metrics_digest,
    plan_metrics,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.model_card import Metric
from tests.harness.registry_strategies import STEM, texts

ARN = f"{STEM}model-package/churn/1"
metric_lists = st.lists(st.builds(Metric, texts, texts, texts, st.integers() | st.floats(-10, 10)), max_size=6)


def applied(writes, present):
    """What the console holds afterwards, by name."""
    made = {
        w.name: MetricObject(w.object_id or str(n), w.name, w.title, w.description, w.value)
        for n, w in enumerate(writes)
    }
    return {**present, **made}  # fmt: skip


@given(metric_lists)
def test_nothing_is_left_to_do_after_the_writes(metrics):
    present = applied(plan_metrics(ARN, metrics, {}), {})
    assert plan_metrics(ARN, metrics, present) == []
    assert {round(one.value, 9) for one in present.values()} <= {round(float(one.value), 9) for one in metrics}


@given(metric_lists, metric_lists)
def test_only_what_differs_is_written_and_no_object_goes(before, after):
    present = applied(plan_metrics(ARN, before, {}), {})
    writes = plan_metrics(ARN, after, present)
    assert all(write.object_id is None or present[write.name].value != write.value for write in writes)
    assert set(applied(writes, present)) >= set(present)


@given(st.lists(st.tuples(texts, texts, texts), unique=True, max_size=8))
def test_every_place_in_every_card_has_a_name_of_its_own(places):
    names = [metric_name(arn, Metric(*place, 1)) for arn in (ARN, ARN.replace("/1", "/2")) for place in places]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 255 and not set("/\\:") & set(name) for name in names)


def test_a_changed_value_changes_the_digest():
    first = Metric("e", "g", "auc", 0.9)
    assert metrics_digest([first]) == metrics_digest([Metric("e", "g", "auc", 0.9)])
    assert metrics_digest([first]) != metrics_digest([Metric("e", "g", "auc", 0.8)])


CARD = {
    "intended_uses": {
        "purpose_of_model": "find churn",
        "intended_uses": "retention offers",
        "risk_rating": "Low",
        "factors_affecting_model_efficiency": "old data",
    },
    "business_details": {"business_problem": "customers leave", "line_of_business": "Retail"},
    "training_details": {
        "training_observations": "converged",
        "training_job_details": {
            "training_metrics": [{"name": "loss", "value": 0.1}],
            "hyper_parameters": [{"name": "depth", "value": "5"}, {"name": "rounds", "value": "10"}],
            "user_provided_hyper_parameters": [{"name": "depth", "value": "6"}],
        },
    },
    "evaluation_details": [
        {
            "name": "holdout",
            "evaluation_observation": "stable",
            "metric_groups": [
                {
                    "name": "binary",
                    "metric_data": [
                        {"name": "auc", "type": "number", "value": 0.91},
                        {"name": "passed", "type": "boolean", "value": True},
                        {"name": "roc", "type": "linear_graph", "value": [[0, 0], [1, 1]]},
                    ],
                }
            ],
        }
    ],
    "additional_information": {"caveats_and_recommendations": "not for new customers"},
}


def test_what_a_card_says():
    assert model_card.said_about_use(CARD) == [
        "Purpose: find churn",
        "Intended uses: retention offers",
        "Risk rating: Low",
        "Business problem: customers leave",
        "Line of business: Retail",
    ]
    assert model_card.said_about_training(CARD) == ["Training: converged", "Training metric loss: 0.1"]
    assert model_card.said_about_evaluation(CARD) == [
        "Evaluation holdout: stable",
        "Metric holdout / binary / auc: 0.91",
        "Metric holdout / binary / passed: true",
    ]
    assert model_card.limitations(CARD) == "old data\nnot for new customers"
    assert model_card.hyper_parameters(CARD) == {"depth": "6", "rounds": "10"}
    assert [metric.name for metric in model_card.metrics(CARD)] == ["auc", "passed", "roc"]


anything = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*CARD, "name", "value", "metric_groups", "metric_data", "training_job_details"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from([*CARD]), anything))
def test_whatever_is_in_a_card_can_be_read(content):
    model_card.said_about_use(content)
    model_card.said_about_training(content)
    model_card.said_about_evaluation(content)
    model_card.limitations(content)
    model_card.hyper_parameters(content)
    assert all(isinstance(metric.name, str) for metric in model_card.metrics(content))
