# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mapping as data: which registry value belongs to which console field, and the status table.

DEFAULT is the table that everybody starts with; mapping_overrides.py makes a connection's own table of it. What a value
name stands for is in registry_values.py, what a conversion does in conversions.py, and the code that reads the table in
projection.py. Field names are the ones recorded from a live console; which of them IBM's own integration uses for
SageMaker is not public, so treat each row as our choice.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from typing import Literal, TypeAlias

from ..console.sync_needs import DECOMMISSIONED, METRIC_TYPE, METRIC_VALUE, STATUS_FIELD
from ..registry.entities import LifeCycle

Direction: TypeAlias = Literal["to_console", "to_registry", "both"]
Side: TypeAlias = Literal["registry", "console"]


class Kind(Enum):
    """The two kinds of registry entity that have a console object."""

    GROUP = "model group"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One row: a registry value and a console field.

    ``direction``: where a change goes; a value that goes to the registry must be one that can be written there
    (registry_values.WRITABLE). ``winner`` keeps a field that both sides have changed since they last agreed.
    ``conversion`` names one of conversions.CONVERSIONS. ``max_length`` (characters; None: the field type's) and
    ``overflow`` say what becomes of a text that does not fit: it is cut and marked, or the field is left alone; either
    is reported. ``at_creation`` fields are set once and never compared.
    """

    field: str
    value: str
    direction: Direction = "to_console"
    winner: Side = "registry"
    conversion: str = "text"
    max_length: int | None = None
    overflow: Literal["cut", "leave"] = "cut"
    at_creation: bool = False

    @property
    def to_console(self) -> bool:
        """Whether the registry's changes are written to the console."""
        return self.direction != "to_registry"

    @property
    def to_registry(self) -> bool:
        """Whether the console's changes are written to the registry."""
        return self.direction != "to_console"


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One row of the status table (R21): a console model status and the ModelLifeCycle that it stands for."""

    console_status: str
    stage: str
    stage_status: str
    direction: Direction = "to_registry"

    @property
    def to_console(self) -> bool:
        """Whether this life cycle in the registry sets the status in the console."""
        return self.direction != "to_registry"

    @property
    def to_registry(self) -> bool:
        """Whether this status in the console sets the life cycle in the registry."""
        return self.direction != "to_console"


@dataclass(frozen=True, slots=True)
class MetricSettings:
    """Where evaluation metrics go as objects of their own under the model: a console type and its number field."""

    type_name: str = METRIC_TYPE
    value_field: str = METRIC_VALUE


@dataclass(frozen=True, slots=True)
class MappingTable:
    """A whole mapping. ``metrics`` None: no metric objects. ``fingerprint`` names its content, for the sync state."""

    rules: Mapping[Kind, tuple[FieldRule, ...]]
    statuses: tuple[StatusRow, ...]
    metrics: MetricSettings | None = None
    fingerprint: str = field(init=False)
    _by_field: Mapping[Kind, Mapping[str, FieldRule]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out what follows from the rows."""
        rows = {kind.value: [dataclasses.astuple(rule) for rule in rules] for kind, rules in self.rules.items()}
        statuses = [dataclasses.astuple(row) for row in self.statuses]
        metrics = None if self.metrics is None else dataclasses.astuple(self.metrics)
        text = json.dumps([rows, statuses, metrics], sort_keys=True)
        by_field = {kind: {rule.field: rule for rule in rules} for kind, rules in self.rules.items()}
        object.__setattr__(self, "fingerprint", blake2b(text.encode(), digest_size=4).hexdigest())
        object.__setattr__(self, "_by_field", by_field)

    def rule(self, kind: Kind, name: str) -> FieldRule:
        """Return the row of a console field. Raises KeyError."""
        return self._by_field[kind][name]

    def console_status(self, life_cycle: LifeCycle) -> str | None:
        """Return the status that a life cycle sets in the console; None where the console is the one to say it."""
        wanted = (life_cycle.stage, life_cycle.stage_status)
        rows = (row for row in self.statuses if row.to_console and (row.stage, row.stage_status) == wanted)
        return next((row.console_status for row in rows), None)

    def life_cycle(self, console_status: str) -> LifeCycle | None:
        """Return the life cycle that a console status sets in the registry; None where it sets none."""
        rows = (row for row in self.statuses if row.to_registry and row.console_status == console_status)
        return next((LifeCycle(row.stage, row.stage_status) for row in rows), None)


DESCRIPTION = "Description"
"""The object's own description; it is not in ``fields`` of a request but a key beside it."""

OWNER_FIELD = "MRG-Model:Model Owner"

GROUP_RULES: tuple[FieldRule, ...] = (FieldRule(DESCRIPTION, "description"),)

MODEL_RULES: tuple[FieldRule, ...] = (
    FieldRule(DESCRIPTION, "description"),
    FieldRule("MRG-Model:Model Version", "version"),
    FieldRule("MRG-AIFacts-Model:External Provider", "provider"),
    FieldRule("MRG-AIFacts-Model:External Model Name", "group_name"),
    FieldRule("MRG-UserFact-Model:Additional Details", "details"),
    FieldRule("MRG-AIFacts-Model:Algorithm", "card:model_overview.algorithm_type"),
    FieldRule("MRG-AIFacts-Model:Prediction Type", "card:model_overview.problem_type"),
    FieldRule("MRG-AIFacts-Model:TrainingParameters", "card:training_details", conversion="json"),
    FieldRule("MRG-AIFacts-Model:TrainingData", "training_datasets", conversion="outline"),
    FieldRule("MRG-AIFacts-Model:Hyperparameters", "hyper_parameters", conversion="outline"),
    FieldRule("MRG-Model:Model Limitations", "limitations"),
    # The status table says which statuses go where. The console drives the life cycle (R21), so it also wins.
    FieldRule(STATUS_FIELD, "console_status", direction="both", winner="console"),
    # Whoever reassigned a model in the console meant it: governance owns ownership.
    FieldRule(OWNER_FIELD, "owner", winner="console"),
    FieldRule("MRG-Model:Model Non Model", "is_model", at_creation=True),
    FieldRule("MRG-Model:Machine Learning Model", "is_machine_learning", at_creation=True),
)

PROPOSED = "Proposed"

ARCHIVED_STAGE = "Archived"
ARCHIVED_CARD = "Archived"

# IBM's table (documentation of the SageMaker integration) shows the first eight rows; the ninth is our choice.
STATUS_TABLE: tuple[StatusRow, ...] = (
    StatusRow(PROPOSED, "Proposal", "Approved"),
    StatusRow("Model Definition", "Development", "Review"),
    StatusRow("Under Development", "Development", "InProgress", direction="both"),
    StatusRow("Data Acquisition", "DataPrep-DataCollection", "InProgress"),
    StatusRow("Data Acquisition Complete", "DataPrep-DataCollection", "Complete"),
    StatusRow("Feature Engineering", "DataPrep-FeatureEngineering", "InProgress"),
    StatusRow("Feature Engineering Complete", "DataPrep-FeatureEngineering", "Complete"),
    StatusRow("Development Complete", "Development", "Complete"),
    StatusRow(DECOMMISSIONED, ARCHIVED_STAGE, "Retired", direction="both"),
)

DEFAULT = MappingTable({Kind.GROUP: GROUP_RULES, Kind.MODEL: MODEL_RULES}, STATUS_TABLE)

# What a console accepts by data type. Not documented; a value that is longer is cut and ends in the marker.
MAX_LENGTH = {"STRING_TYPE": 1024, "MEDIUM_STRING_TYPE": 4000, "LARGE_STRING_TYPE": 32000}
MAX_NAME_LENGTH = 255
CUT_MARKER = " […]"
