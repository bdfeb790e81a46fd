# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation metrics of a model card as objects of their own under the model, where the mapping asks for it.

The console's type for them has no field for an ARN, so the name tells which metric it is: it ends in a digest of the
model's ARN and the metric's place in the card. A metric that leaves the card keeps its object, as everything does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from . import mapping
from .model_card import Metric
from .projection import cut, object_name
from .state import digest

METRICS = "(metrics)"
"""Key of the metrics' digest in the sync state, beside those of fields; no field has such a name."""


@dataclass(frozen=True, slots=True)
class MetricObject:
    """A metric's object in the console."""

    id: str
    name: str
    title: str
    description: str
    value: float | None


@dataclass(frozen=True, slots=True)
class MetricWrite:
    """One object to make (``object_id`` None) or to set to another value."""

    object_id: str | None
    name: str
    title: str
    description: str
    value: float


def metrics_digest(metrics: Sequence[Metric]) -> str:
    """Return the digest of all metrics of a model."""
    return digest(json.dumps([[one.evaluation, one.group, one.name, one.value] for one in metrics]))


def metric_name(arn: str, metric: Metric) -> str:
    """Return the name of a metric's object: readable, and of this one metric of this one model alone."""
    place = json.dumps([arn, metric.evaluation, metric.group, metric.name])
    suffix = f" ({blake2b(place.encode(), digest_size=8).hexdigest()})"
    return cut(object_name(metric.name), mapping.MAX_NAME_LENGTH - len(suffix)) + suffix


def plan_metrics(arn: str, wanted: Sequence[Metric], present: Mapping[str, MetricObject]) -> list[MetricWrite]:
    """Return the writes that give each metric its object and value; `present` are the objects there are, by name.

    Of metrics with one and the same place in the card the last one counts.
    """
    writes = []
    for name, metric in {metric_name(arn, metric): metric for metric in wanted}.items():
        found = present.get(name)
        value = float(metric.value)
        if found is None:
            title = f"{metric.evaluation} / {metric.group} / {metric.name}"
            writes.append(MetricWrite(None, name, title, f"Metric of the model card of {arn}.", value))
        elif found.value != value:
            writes.append(MetricWrite(found.id, name, found.title or name, found.description, value))
    return writes
