# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the checkout visible to Ansible as `ansible_collections/wxgov/sagemaker`.

    python dev/link_checkout.py DESTINATION

A symbolic link does for ansible-playbook, ansible-doc, ansible-lint, antsibull and pytest; ansible-test
resolves links and gets a real copy instead (dev/sanity.py).
"""

from __future__ import annotations

import pathlib
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> None:
    """Create the link, or point it at this checkout when the folder was moved."""
    link = pathlib.Path(arguments[0]) / "ansible_collections" / "wxgov" / "sagemaker"
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        link.unlink()
    link.symlink_to(CHECKOUT, target_is_directory=True)


if __name__ == "__main__":
    main(sys.argv[1:])
