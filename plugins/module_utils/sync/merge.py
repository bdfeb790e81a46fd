# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who wins, for one field: the registry's value, the console's value, and what both last agreed on.

docs/conflicts.md shows every combination and what comes of it; it is made by the tests of this module's callers.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..console.objects import Scalar
from .mapping import FieldRule, Side
from .state import digest

NOTHING = digest(None)


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field as the two sides have it. ``agreed`` is a digest; None: the two have never agreed on this field.

    ``silent``: the registry has no opinion (which is not "no value"). ``pushable``: it can take the console's value.
    """

    agreed: str | None
    registry: Scalar | None
    console: Scalar | None
    silent: bool = False
    pushable: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done: at most one of the two writes. ``agreed`` is the digest from now on; None: still none."""

    agreed: str | None
    to_console: bool = False
    to_registry: bool = False
    conflict: bool = False


def merge(view: FieldView, rule: FieldRule, winner: Side) -> Verdict:
    """Decide one field. After the verdict has been carried out, deciding again does nothing."""
    registry, console = digest(view.registry), digest(view.console)
    if not view.silent and registry == console:
        return Verdict(agreed=registry)
    if view.agreed is None:
        return _first_meeting(view, rule)
    registry_changed = not view.silent and registry != view.agreed
    console_changed = console != view.agreed
    conflict = registry_changed and console_changed
    leading: Side = winner if conflict else "registry" if registry_changed else "console"
    if leading == "registry" and rule.to_console:
        return Verdict(registry, to_console=True, conflict=conflict)
    if leading == "console" and console_changed and rule.to_registry and view.pushable:
        return Verdict(console, to_registry=True, conflict=conflict)
    if conflict:
        # Both keep what they have. What the losing side says counts as seen, so that this is told once.
        return Verdict(registry if rule.to_console else console, conflict=True)
    return Verdict(view.agreed)


def _first_meeting(view: FieldView, rule: FieldRule) -> Verdict:
    """Decide a field that the two never agreed on: a row is new, or the object is one that somebody made by hand.

    That is no conflict. Any value beats none, and nothing is pushed over a value of the registry.
    """
    registry, console = digest(view.registry), digest(view.console)
    if view.silent:
        return Verdict(console)
    if rule.to_registry and registry == NOTHING:
        return Verdict(console, to_registry=True) if view.pushable else Verdict(registry)
    if rule.to_console and (rule.winner == "registry" or rule.to_registry or console == NOTHING):
        return Verdict(registry, to_console=True)
    return Verdict(registry if rule.to_console else console)
