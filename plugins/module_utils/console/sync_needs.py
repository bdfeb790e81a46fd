# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the synchronisation cannot do without in a console: asked for by whoever starts it, and by whoever checks first.

It is here because both of these rooms stand on this one, and neither on the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from .requirements import NUMBER, TEXT, NeededField, NeededType

STATUS_FIELD = "MRG-Model:Status"
DECOMMISSIONED = "Decommissioned"
METRIC_TYPE = "Metric"
METRIC_VALUE = "MRG-Metric:Value"


class SyncNames(Protocol):
    """The names that a connection has for what it uses in the console; ``mapping`` is as the user wrote it."""

    @property
    def arn_field(self) -> str:
        """The field for the ARN."""

    @property
    def state_field(self) -> str:
        """The field for what was last agreed on."""

    @property
    def model_type(self) -> str:
        """The type of models."""

    @property
    def model_group_type(self) -> str | None:
        """The type of model groups; None: by its label."""

    @property
    def mapping(self) -> Mapping[str, object]:
        """What the connection changes in the mapping."""


def sync_needs(names: SyncNames) -> Iterator[NeededType]:
    """Yield each type with the fields that are needed, and the option that names another."""
    own = (
        NeededField(names.arn_field, "sync_arn_field", TEXT),
        NeededField(names.state_field, "sync_state_field", TEXT),
    )
    status = NeededField(STATUS_FIELD, "add the value in the console", values=(DECOMMISSIONED,))
    yield NeededType(names.model_type, "sync_model_type", (*own, status))
    yield NeededType(names.model_group_type, "sync_model_group_type", own)
    metrics = names.mapping.get("metrics")
    if isinstance(metrics, Mapping) and metrics.get("enabled") is not False:
        value = NeededField(str(metrics.get("value_field", METRIC_VALUE)), "metrics in sync_mapping", NUMBER)
        yield NeededType(str(metrics.get("type", METRIC_TYPE)), "metrics in sync_mapping", (value,))
