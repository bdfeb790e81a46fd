# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mapping as data: which registry value goes into which console field, and the status table.

Everything here is a table that may grow; the code that reads it is in projection.py. Field names are the ones
recorded from a live console; which of them IBM's own integration uses for SageMaker is not public, so treat each row
as our choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Kind(Enum):
    """The two kinds of registry entity that have a console object."""

    GROUP = "model group"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One registry value into one console field.

    ``value`` names a value of projection.group_values or projection.package_values. ``winner`` says who keeps a
    field that both sides have changed since they last agreed. ``at_creation`` fields are set once and never compared.
    """

    field: str
    value: str
    winner: Literal["registry", "console"] = "registry"
    at_creation: bool = False


DESCRIPTION = "Description"
"""The object's own description; it is not in ``fields`` of a request but a key beside it."""

STATUS_FIELD = "MRG-Model:Status"
OWNER_FIELD = "MRG-Model:Model Owner"

GROUP_RULES: tuple[FieldRule, ...] = (FieldRule(DESCRIPTION, "description"),)

PACKAGE_RULES: tuple[FieldRule, ...] = (
    FieldRule(DESCRIPTION, "description"),
    FieldRule("MRG-Model:Model Version", "version"),
    FieldRule("MRG-AIFacts-Model:External Provider", "provider"),
    FieldRule("MRG-AIFacts-Model:External Model Name", "group_name"),
    FieldRule("MRG-UserFact-Model:Additional Details", "details"),
    FieldRule("MRG-AIFacts-Model:Algorithm", "card_algorithm"),
    FieldRule("MRG-AIFacts-Model:Prediction Type", "card_problem_type"),
    FieldRule("MRG-AIFacts-Model:TrainingParameters", "card_training"),
    FieldRule(STATUS_FIELD, "console_status"),
    # Whoever reassigned a model in the console meant it: governance owns ownership.
    FieldRule(OWNER_FIELD, "owner", winner="console"),
    FieldRule("MRG-Model:Model Non Model", "is_model", at_creation=True),
    FieldRule("MRG-Model:Machine Learning Model", "is_machine_learning", at_creation=True),
)

RULES = {Kind.GROUP: GROUP_RULES, Kind.MODEL: PACKAGE_RULES}


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One row of the status table (R21): a console model status and the ModelLifeCycle that it stands for."""

    console_status: str
    stage: str
    stage_status: str
    to_registry: bool = True
    to_console: bool = False


DECOMMISSIONED = "Decommissioned"
PROPOSED = "Proposed"

# IBM's table (documentation of the SageMaker integration) shows the first eight rows; the ninth is our choice.
STATUS_TABLE: tuple[StatusRow, ...] = (
    StatusRow(PROPOSED, "Proposal", "Approved"),
    StatusRow("Model Definition", "Development", "Review"),
    StatusRow("Under Development", "Development", "InProgress", to_console=True),
    StatusRow("Data Acquisition", "DataPrep-DataCollection", "InProgress"),
    StatusRow("Data Acquisition Complete", "DataPrep-DataCollection", "Complete"),
    StatusRow("Feature Engineering", "DataPrep-FeatureEngineering", "InProgress"),
    StatusRow("Feature Engineering Complete", "DataPrep-FeatureEngineering", "Complete"),
    StatusRow("Development Complete", "Development", "Complete"),
    StatusRow(DECOMMISSIONED, "Archived", "Retired", to_console=True),
)

ARCHIVED_STAGE = "Archived"
ARCHIVED_CARD = "Archived"

# What a console accepts by data type. Not documented; a value that is longer is cut and ends in the marker.
MAX_LENGTH = {"STRING_TYPE": 1024, "MEDIUM_STRING_TYPE": 4000, "LARGE_STRING_TYPE": 32000}
MAX_NAME_LENGTH = 255
CUT_MARKER = " […]"
