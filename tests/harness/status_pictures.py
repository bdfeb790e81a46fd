# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of the status page in the documentation: ``python -m tests.harness.status_pictures FOLDER``."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.address import TcpAddress
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.inside import Inside
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.server import listening
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.site import Site
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.view import AgentView
from tests.harness.agent_views import NOW, calm_agent, troubled_agent
from tests.harness.browser import browser


@dataclass(frozen=True)
class Picture:
    """One picture: name, size in CSS pixels, theme, what is shown, and how far down the page."""

    name: str
    width: int
    height: int
    theme: str
    view: Callable[[], AgentView]
    scroll: int = 0


PICTURES = (
    Picture("status-desktop", 1280, 1640, "light", troubled_agent),
    Picture("status-dark", 1280, 1000, "dark", troubled_agent),
    Picture("status-calm", 1280, 760, "light", calm_agent),
    Picture("status-phone", 390, 844, "light", troubled_agent),
    Picture("status-phone-dark", 390, 844, "dark", troubled_agent, 1180),
)


class Shown:
    """A source of one view."""

    def __init__(self) -> None:
        self.now = calm_agent()

    def view(self) -> AgentView:
        return self.now

    def inside(self) -> Inside:
        return Inside("running", 1, "", NOW, 8, 0)


def main(folder: pathlib.Path) -> None:
    """Write all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    source = Shown()
    site = Site(source, token=None, check_host=True)
    with listening(TcpAddress("127.0.0.1", 0), site) as address, browser() as window:
        for picture in PICTURES:
            source.now = picture.view()
            window.size(picture.width, picture.height, phone=picture.width < 700)
            window.prefer(prefers_color_scheme=picture.theme)
            window.open(f"{address.url}/")
            window.run("window.scrollTo(0, arguments[0])", picture.scroll)
            window.picture(folder / f"{picture.name}.png")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
