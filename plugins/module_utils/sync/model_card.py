# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model package's model card says, read with care: nothing promises that the content follows its schema.

The keys are those of the JSON schema that the SageMaker developer guide gives for the card of a model package
("Update the details of a model version", schema version 0.1.0): model_overview, intended_uses, business_details,
training_details, evaluation_details, additional_information. ``model_overview`` has algorithm_type and problem_type
only in cards that were made elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_USES = {
    "purpose_of_model": "Purpose",
    "intended_uses": "Intended uses",
    "risk_rating": "Risk rating",
    "explanations_for_risk_rating": "Risk explained",
}
_BUSINESS = {
    "business_problem": "Business problem",
    "business_stakeholders": "Business stakeholders",
    "line_of_business": "Line of business",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of an evaluation; ``value`` is what the card has: a number, text, truth value, or a graph's lists."""

    evaluation: str
    group: str
    name: str
    value: Any


def at(content: Mapping[str, Any], path: str) -> Any:
    """Return what is at a dotted path such as ``intended_uses.risk_rating``, or None."""
    found: Any = content
    for key in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def said_about_use(content: Mapping[str, Any]) -> list[str]:
    """Return lines on intended uses and business details."""
    return [
        f"{label}: {text}"
        for section, labels in (("intended_uses", _USES), ("business_details", _BUSINESS))
        for key, label in labels.items()
        if (text := as_text(at(content, f"{section}.{key}")))
    ]


def said_about_training(content: Mapping[str, Any]) -> list[str]:
    """Return lines on what was observed and measured in training."""
    lines = []
    observed = as_text(at(content, "training_details.training_observations"))
    if observed:
        lines.append(f"Training: {observed}")
    for key in ("training_metrics", "user_provided_training_metrics"):
        pairs = named(at(content, f"training_details.training_job_details.{key}"))
        lines += [f"Training metric {name}: {shown(value)}" for name, value in pairs.items()]
    return lines


def said_about_evaluation(content: Mapping[str, Any]) -> list[str]:
    """Return lines on evaluations: what was observed, and every metric that is a single value."""
    lines = []
    for evaluation in items(content.get("evaluation_details")):
        observed = as_text(evaluation.get("evaluation_observation"))
        if observed:
            lines.append(f"Evaluation {as_text(evaluation.get('name'))}: {observed}")
    for metric in metrics(content):
        if isinstance(metric.value, str | bool | int | float):
            lines.append(f"Metric {metric.evaluation} / {metric.group} / {metric.name}: {shown(metric.value)}")
    return lines


def limitations(content: Mapping[str, Any]) -> str | None:
    """Return what is said about the model's limits, in one text."""
    paths = (
        "intended_uses.factors_affecting_model_efficiency",
        "additional_information.caveats_and_recommendations",
        "additional_information.ethical_considerations",
    )
    return "\n".join(text for path in paths if (text := as_text(at(content, path)))) or None


def hyper_parameters(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters of the training job by name; those given by hand win."""
    job = "training_details.training_job_details"
    return {
        **named(at(content, f"{job}.hyper_parameters")),
        **named(at(content, f"{job}.user_provided_hyper_parameters")),
    }


def metrics(content: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the metrics of all evaluations, in the card's order."""
    for evaluation in items(content.get("evaluation_details")):
        for group in items(evaluation.get("metric_groups")):
            for metric in items(group.get("metric_data")):
                yield Metric(
                    as_text(evaluation.get("name")),
                    as_text(group.get("name")),
                    as_text(metric.get("name")),
                    metric.get("value"),
                )


def items(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list, whatever else is in it."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def named(value: Any) -> dict[str, Any]:
    """Return a list of ``{"name": …, "value": …}`` as a dictionary."""
    return {name: item.get("value") for item in items(value) if (name := as_text(item.get("name")))}


def as_text(value: Any) -> str:
    """Return a text, or an empty one for whatever is no text."""
    return value.strip() if isinstance(value, str) else ""


def shown(value: Any) -> str:
    """Return a metric's value for people."""
    return str(value).lower() if isinstance(value, bool) else str(value)
