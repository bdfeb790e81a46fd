# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the attributes mean that each module declares for itself."""

from __future__ import annotations


class ModuleDocFragment:
    """C(wxgov.sagemaker.attributes): descriptions only; C(support) and C(details) are the module's own."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and tell what it would change without changing anything.
  diff_mode:
    description: Shows what has changed, or would change in check mode, as before and after.
  idempotent:
    description: When run a second time with the same options and nothing else has happened, it changes nothing.
"""
