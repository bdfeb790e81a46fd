# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a use case says, into the model cards of its packages (R22). Pure.

The console wins for the places of `TEXT_RULES` and nothing else of a card is touched. A use case that says nothing
leaves the place alone. The schema of a package's model card (purpose, uses and problem are texts of at most 2048
characters): https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html#model-card-schema
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..console.objects import Scalar
from ..registry.entities import ModelCard, ModelPackage
from .mapping import DESCRIPTION
from .projection import cut, is_archived
from .use_cases import UseCase

PURPOSE_FIELD = "MRG-AIFacts-ModelUseCase:Purpose"
LONGEST_TEXT = 2048
LONGEST_CONTENT = 100_000
"""SageMaker's ModelCardContent, in characters."""
DRAFT = "Draft"


@dataclass(frozen=True, slots=True)
class TextRule:
    """One place of a card, and the use case's fields: the first of them that has a value goes there."""

    section: str
    key: str
    sources: tuple[str, ...]

    @property
    def path(self) -> str:
        """The place as the reader sees it."""
        return f"{self.section}.{self.key}"


# IBM says that the description goes down to SageMaker and not where it goes: the places are our choice.
TEXT_RULES: tuple[TextRule, ...] = (
    TextRule("business_details", "business_problem", (DESCRIPTION,)),
    TextRule("intended_uses", "intended_uses", (DESCRIPTION,)),
    TextRule("intended_uses", "purpose_of_model", (PURPOSE_FIELD, DESCRIPTION)),
)
FIELDS = tuple(dict.fromkeys(source for rule in TEXT_RULES for source in rule.sources if source != DESCRIPTION))
"""Fields of a use case to read besides its description."""

Texts = Mapping[TextRule, str]
"""What is to stand where; only places for which the use case has something."""


@dataclass(frozen=True, slots=True)
class CardChange:
    """A card to write, and what that changes by path. ``card.status`` is empty where the status stays."""

    card: ModelCard
    before: Mapping[str, Scalar]
    after: Mapping[str, Scalar]


def texts_of(case: UseCase) -> dict[TextRule, str]:
    """Return what a use case has to say to the cards of its packages."""
    values = {DESCRIPTION: case.description, **{name: str(value) for name, value in case.fields.items()}}
    found = {rule: next((values[name] for name in rule.sources if values.get(name)), "") for rule in TEXT_RULES}
    return {rule: cut(text, LONGEST_TEXT) for rule, text in found.items() if text}


def agrees(package: ModelPackage, texts: Texts) -> bool:
    """Whether a package needs no change: its card says what it should, or it is out of use.

    An archived card takes no changes (CreateModelPackage, ModelCardStatus), and a retired model needs none.
    """
    if is_archived(package) or not texts:
        return True
    return package.card is not None and not _missing(package.card.content, texts)


def change_card(package: ModelPackage, texts: Texts) -> CardChange | str | None:
    """Return how to change a package's card; None where it needs no change; why it cannot be changed, as a clause.

    `package` must be a description: Search may show a card without its content.
    """
    if agrees(package, texts):
        return None
    if package.card is None:
        return CardChange(ModelCard(DRAFT, new_content(texts)), {}, _by_path(texts))
    if not package.card.readable:
        return "its model card is withheld or not JSON"
    missing = _missing(package.card.content, texts)
    content: dict[str, Any] = copy.deepcopy(dict(package.card.content))
    before: dict[str, Scalar] = {}
    for rule, text in missing.items():
        section = content.setdefault(rule.section, {})
        if not isinstance(section, dict):
            return f"{rule.section} of its model card is not an object"
        if rule.key in section:
            before[rule.path] = str(section[rule.key])
        section[rule.key] = text
    if len(json.dumps(content, ensure_ascii=False)) > LONGEST_CONTENT:
        return f"its model card would have more than {LONGEST_CONTENT} characters"
    return CardChange(ModelCard("", content), before, _by_path(missing))


def new_content(texts: Texts) -> dict[str, Any]:
    """Return the content of a card that says nothing else."""
    content: dict[str, Any] = {}
    for rule, text in texts.items():
        content.setdefault(rule.section, {})[rule.key] = text
    return content


def _missing(content: Mapping[str, Any], texts: Texts) -> dict[TextRule, str]:
    return {rule: text for rule, text in texts.items() if _present(content, rule) != text}


def _present(content: Mapping[str, Any], rule: TextRule) -> Any:
    section = content.get(rule.section)
    return section.get(rule.key) if isinstance(section, Mapping) else None


def _by_path(texts: Texts) -> dict[str, Scalar]:
    return {rule.path: text for rule, text in texts.items()}
