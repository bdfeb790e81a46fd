# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The object types and fields of the emulated console. Data only; ids are given out by ``instance``.

Names are those of recorded ``GET /types`` answers of a watsonx.governance console and of IBM's public constants.
What is not public, and so chosen here, is said in docs/fidelity-console.md.
"""

from __future__ import annotations

from dataclasses import dataclass

ID = "ID_TYPE"
STRING = "STRING_TYPE"
MEDIUM = "MEDIUM_STRING_TYPE"
LARGE = "LARGE_STRING_TYPE"
INTEGER = "INTEGER_TYPE"
FLOAT = "FLOAT_TYPE"
DATE = "DATE_TYPE"
ENUM = "ENUM_TYPE"
MULTI = "MULTI_VALUE_ENUM"

TEXTS = frozenset({STRING, MEDIUM, LARGE})
NUMBERS = frozenset({INTEGER, FLOAT})


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field of one or more types. ``enum`` holds (name, label) pairs; ``default`` is what creation sets."""

    name: str
    data_type: str
    enum: tuple[tuple[str, str], ...] = ()
    required: bool = False
    read_only: bool = False
    default: str | int | None = None


@dataclass(frozen=True, slots=True)
class TypeSpec:
    """An object type. ``key`` is fixed and mostly the API's name, too; ``parents`` are the keys it may hang under."""

    key: str
    label: str
    folder: str
    parents: tuple[str, ...]
    fields: tuple[FieldSpec, ...]


def _fields(group: str, data_type: str, *names: str) -> tuple[FieldSpec, ...]:
    return tuple(FieldSpec(f"{group}:{name}", data_type) for name in names)


def _enum(name: str, *values: str | tuple[str, str], default: str | None = None, multi: bool = False) -> FieldSpec:
    pairs = tuple(value if isinstance(value, tuple) else (value, value) for value in values)
    return FieldSpec(name, MULTI if multi else ENUM, enum=pairs, default=default)


SYSTEM_FIELDS = (
    FieldSpec("Resource ID", ID, read_only=True),
    FieldSpec("Comment", STRING),
    FieldSpec("Created By", INTEGER, read_only=True),
    FieldSpec("Creation Date", DATE, read_only=True),
    FieldSpec("Description", STRING),
    FieldSpec("Last Modification Date", DATE, read_only=True),
    FieldSpec("Last Modified By", INTEGER, read_only=True),
    FieldSpec("Location", STRING, read_only=True),
    FieldSpec("Name", STRING, required=True),
    FieldSpec("Title", STRING),
)

INTEGRATION = (
    FieldSpec("Integration:Additional Information", MEDIUM),
    _enum("Integration:Application", "QRadar", "Watson Knowledge Catalog"),
    FieldSpec("Integration:External ID", STRING),
    FieldSpec("Integration:Last Update", DATE),
    FieldSpec("Integration:Third Party Link", STRING),
)

_YES_NO = ("Yes", "No")

_BUSINESS_ENTITY = (
    *_fields("OPSS-BusEnt", STRING, "Executive Owner", "Compliance Owner"),
    _enum("OPSS-BusEnt:Entity Type", "Company", "Division", "Department", "Process Area"),
    _enum("OPSS-BusEnt:In Scope", *_YES_NO),
    _enum("OPSS-BusEnt:Jurisdiction", "APAC", "EMEA", "Americas", multi=True),
    *_fields("MRG-BusEnt", STRING, "Additional Description", "Catalog ID"),
)

_REGISTER = (
    *INTEGRATION,
    *_fields("MRG-AIFacts-ModelUseCase", STRING, "Documentation", "Purpose"),
    _enum("MRG-AIFacts-ModelUseCase:Risk Level", "High", "Medium", "Low", "Not available"),
    _enum(
        "MRG-AIFacts-ModelUseCase:Status",
        "Proposed",
        "Awaiting Use Case Approval",
        "Rejected",
        "Approved for Development",
        "Under Review",
        "Decommissioned",
    ),
    *_fields("MRG-ModelUseCase", STRING, "Owner", "Technical Owner"),
    _enum("MRG-ModelUseCase:Externally Facing", *_YES_NO),
    FieldSpec("MRG-ModelUseCase:Proposed Solution", MEDIUM),
    FieldSpec("MRG-ModelUseCase:Target Implementation Date", DATE),
    _enum("MRG-ModelUseCase:Use Case Type", "AI", "Non-AI"),
    _enum("MRG-ModelUseCase:Uses Foundation Models", *_YES_NO),
    FieldSpec("MRG-UserFact-ModelUseCase:Additional Details", MEDIUM),
    *_fields(
        "watsonx-UseCaseChecklist",
        DATE,
        "Data Gathering Completion Date",
        "Regulatory Applicability Assessment Completion Date",
        "Risk Assessment Completion Date",
        "Risk Identification Completion Date",
        "Stakeholder Approval Completion Date",
    ),
    _enum(
        "watsonx-Compliance:EU AI Risk Category",
        "Prohibited",
        "High",
        "Limited",
        "Minimal",
        "Not Determined",
        default="Not Determined",
    ),
    _enum("watsonx-UseCase-Shared:Stakeholder Departments", "Compliance", "Finance", "IT", "Legal", "Risk", multi=True),
)

MODEL_STATUSES = (
    "Proposed",
    "Model Definition",
    "Under Development",
    "Data Acquisition",
    "Data Acquisition Complete",
    "Feature Engineering",
    "Feature Engineering Complete",
    "Development Complete",
    "Decommissioned",
)

_MODEL = (
    *INTEGRATION,
    _enum("MRG-Model:Status", *MODEL_STATUSES, default="Proposed"),
    _enum(
        "MRG-Model:Candidate Status",
        "Model Candidate",
        "Candidate- Awaiting Confirmation",
        "Rejected",
        "Confirmed",
        default="Model Candidate",
    ),
    *_fields(
        "MRG-Model",
        STRING,
        "Model Owner",
        "Developer",
        "Model Deployer",
        "Model Approver",
        "Model Validator",
        "Model Manager",
        "Model Delegate",
        "Model Version",
        "Source",
        "License",
        "Publisher",
        "OtherProv",
        "Task Type",
        "Development System",
        "OpenScale Monitor",
        "Online",
    ),
    *_fields("MRG-Model", MEDIUM, "Version Comment", "Data Inputs", "Model Limitations"),
    *_fields("MRG-Model", FLOAT, "Data Quality", "Model Training Quality", "Model Training Fairness"),
    *_fields("MRG-Model", DATE, "Intital Implementation Date", "Next Validation Date"),
    FieldSpec("MRG-Model:Version", INTEGER, default=1),
    _enum("MRG-Model:Model Non Model", "Model", "Non Model"),
    _enum("MRG-Model:Machine Learning Model", *_YES_NO),
    _enum("MRG-Model:External Model", ("Yes", "External"), ("No", "Internal"), default="No"),
    _enum("MRG-Model:Model Type", "AI Model", "Foundation Model", "Statistical", "Rule-based"),
    _enum("MRG-Model:Compliance Status", "Compliant", "Non-compliant", "Not assessed"),
    _enum("MRG-Model:Model Provider", "IBM", "Meta", "Google", "Other"),
    _enum(
        "MRG-Model:Supported Tasks", "Classification", "Generation", "Question Answering", "Summarization", multi=True
    ),
    _enum(
        "MRG-Model:Approved Tasks", "Classification", "Generation", "Question Answering", "Summarization", multi=True
    ),
    *_fields(
        "MRG-AIFacts-Model",
        STRING,
        "Algorithm",
        "Hyperparameters",
        "Input Schema",
        "Output Schema",
        "Input Type",
        "Prediction Type",
        "Model Type",
        "Model Parameters",
        "Number of Features",
        "Software Specification",
        "Training Data",
        "Training Parameters",
        "Training Tags",
        "Prompt",
        "Prompt Variables",
        "Approach Name",
        "Approach Description",
        "Hybrid Pipeline",
        "Tier",
        "Created By",
        "External Asset ID",
        "External Asset URL",
        "External Model Name",
        "External Provider",
    ),
    *_fields(
        "MRG-AIFacts-Model", LARGE, "InputSchema", "OutputSchema", "TrainingData", "TrainingParameters", "TrainingTags"
    ),
    FieldSpec("MRG-UserFact-Model:Additional Details", MEDIUM),
    _enum("MRG-MTS-Shared:Status", "Draft", "In Review", "Final", default="Draft"),
    _enum("MRG-MTS-Shared:OverrideTier", *_YES_NO, default="No"),
)

_METRIC = (
    *_fields("MRG-Metric", FLOAT, "Value"),
    FieldSpec("MRG-Metric:Value Date", DATE),
    _enum("MRG-Metric:Status", "Active", "Inactive"),
    *_fields("MRG-Metric", STRING, "Owner", "Unit of Measure"),
)

_METRIC_VALUE = (FieldSpec("MRG-MetricVal:Value", FLOAT), FieldSpec("MRG-MetricVal:Value Date", DATE))

MODEL_GROUP = "ModelGroup"
BUSINESS_ENTITY = "SOXBusEntity"
USE_CASE = "Register"
MODEL = "Model"

_ANYWHERE = (BUSINESS_ENTITY, USE_CASE, MODEL_GROUP, MODEL)


def _plain(key: str, label: str, folder: str, *parents: str) -> TypeSpec:
    return TypeSpec(key, label, folder, parents or _ANYWHERE, ())


TYPES = (
    TypeSpec(BUSINESS_ENTITY, "Business Entity", "BusinessEntities", (BUSINESS_ENTITY,), _BUSINESS_ENTITY),
    TypeSpec(USE_CASE, "Use Case", "Registers", (BUSINESS_ENTITY,), _REGISTER),
    TypeSpec(MODEL_GROUP, "Model Group", "ModelGroups", (BUSINESS_ENTITY, USE_CASE), INTEGRATION),
    TypeSpec(MODEL, "Model", "Models", (BUSINESS_ENTITY, USE_CASE, MODEL_GROUP), _MODEL),
    TypeSpec("Metric", "Metric", "Metrics", (MODEL, "Usage"), _METRIC),
    TypeSpec("MetricValue", "Metric Value", "MetricValues", ("Metric",), _METRIC_VALUE),
    TypeSpec("Usage", "Model Deployment", "Usages", (BUSINESS_ENTITY, USE_CASE, MODEL), INTEGRATION),
    _plain("ModelVersion", "Model Version", "ModelVersions", MODEL),
    _plain("ModelScorecard", "Model Risk Scorecard", "ModelScorecards", MODEL),
    _plain("ModelAttestation", "Model Attestation", "ModelAttestations", MODEL),
    _plain("ModelInput", "Model Input", "ModelInputs", MODEL),
    _plain("ModelOutput", "Model Output", "ModelOutputs", MODEL),
    _plain("ModelLink", "Model Link", "ModelLinks", MODEL),
    _plain("ChangeRequest", "Change Request", "ChangeRequests"),
    _plain("UseCaseReview", "Use Case Review", "UseCaseReviews", USE_CASE),
    _plain("SOXIssue", "Issue", "Issues"),
    _plain("SOXTask", "Action Item", "ActionItems", "SOXIssue"),
    _plain("SOXDocument", "File", "Files"),
    _plain("SOXRisk", "Risk", "Risks"),
    _plain("SOXControl", "Control", "Controls", "SOXRisk"),
    _plain("Vendor", "Vendor", "Vendors", BUSINESS_ENTITY),
    _plain("QuestionnaireAssessment", "Questionnaire Assessment", "QuestionnaireAssessments"),
    _plain("Preference", "Preference", "Preferences", BUSINESS_ENTITY),
    _plain("PrefGrp", "Preference Group", "PreferenceGroups", BUSINESS_ENTITY),
)

# Every number that the public record names as an id of some instance. A client that hard-codes one must fail here.
IDS_SEEN_IN_PUBLIC = frozenset(
    {4, 5, 6, 7, 14, 28, 33, 38, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 68, 69, 74, 89, 94, 101, 102, 106, 107, 119}
    | {122, 137, 141, 150, 161, 682, 683, 846, 1002, 1270, 1271, 1275, 1278, 1279, 1285, 1286, 1318, 1328, 1333}
    | {1859, 1860, 1861, 1862, 1863, 1864, 3693, 3694, 3696, 3698, 3734, 3801, 3808, 4577, 4578, 4619, 4650, 4702, 4710}
    | {8082, *range(1334, 1339), *range(3047, 3070)}
)
