# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags of any resource: what to set and what to remove."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.amazon.aws.plugins.module_utils.tagging import compare_aws_tags

from .plan import Operation


def plan_tags(
    current: Mapping[str, str], wanted: Mapping[str, str] | None, purge: bool
) -> tuple[Operation | None, Operation | None]:
    """The operations `tag` and `untag`, None where there is nothing to do. Wanted None leaves all tags alone.

    The before of `tag` holds only the keys that change; tags that AWS reserves (`aws:…`) are never removed.
    """
    if wanted is None:
        return None, None
    to_set, to_remove = compare_aws_tags(dict(current), dict(wanted), purge)
    tag = untag = None
    if to_set:
        before = {key: current[key] for key in to_set if key in current}
        tag = Operation("tag", {"tags": before}, {"tags": {key: to_set[key] for key in sorted(to_set)}})
    if to_remove:
        untag = Operation("untag", {"tags": {key: current[key] for key in sorted(to_remove)}}, {"tags": {}})
    return tag, untag


def simulate_tags(current: Mapping[str, str], operation: Operation) -> dict[str, str]:
    """The tags after a `tag` or `untag` operation."""
    if operation.name == "tag":
        return {**current, **operation.after["tags"]}
    return {key: value for key, value in current.items() if key not in operation.before["tags"]}


def text_tags(tags: Mapping[str, object] | None) -> dict[str, str] | None:
    """Tags as AWS keeps them: texts. A bool becomes `true` or `false`."""
    if tags is None:
        return None
    return {str(key): str(value).lower() if isinstance(value, bool) else str(value) for key, value in tags.items()}
