# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut collections out of the `ansible` wheel, so that a checkout needs no Galaxy.

    python dev/fetch_collections.py [--package PACKAGE] DESTINATION COLLECTION...

The wheel of the community package is a zip file that holds every collection it bundles; taking the
wanted folders out of it costs about 3 s and 5 MB, where installing it costs half a gigabyte. Users of the
collection get the same dependency from Galaxy by galaxy.yml.
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys
import tempfile
import zipfile

# ansible-core 2.20 needs Python 3.12, and the package of each series bundles the collections tested with that core.
ANSIBLE_PACKAGE = "ansible==14.5.0" if sys.version_info >= (3, 12) else "ansible==12.3.0"


def download_wheel(package: str, folder: pathlib.Path) -> pathlib.Path:
    """Download the wheel of the `ansible` package into `folder` with the machine's own pip settings.

    It is only taken apart, so it may be one for another Python than this.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "--ignore-requires-python", "--dest", str(folder), package], check=True)
    return next(folder.glob("*.whl"))


def extract(wheel: pathlib.Path, destination: pathlib.Path, collections: list[str]) -> None:
    """Extract the folders of `collections` (`namespace.name`); raises SystemExit when one is not in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for collection in collections:
            prefix = f"ansible_collections/{collection.replace('.', '/')}/"
            members = [name for name in names if name.startswith(prefix)]
            if not members:
                raise SystemExit(f"{wheel.name} does not bundle the collection {collection}.")
            archive.extractall(destination, members)


def main(arguments: list[str]) -> None:
    """Fetch what is not there yet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--package", default=ANSIBLE_PACKAGE, help="the package and version that bundles them")
    parser.add_argument("destination", type=pathlib.Path)
    parser.add_argument("collections", nargs="+", metavar="COLLECTION")
    given = parser.parse_args(arguments)
    root = given.destination / "ansible_collections"
    missing = [name for name in given.collections if not (root / name.replace(".", "/") / "MANIFEST.json").is_file()]
    if missing:
        with tempfile.TemporaryDirectory() as folder:
            extract(download_wheel(given.package, pathlib.Path(folder)), given.destination, missing)


if __name__ == "__main__":
    main(sys.argv[1:])
