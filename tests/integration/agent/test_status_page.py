# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page in a real browser: looks, keyboard, phone, refreshing, and without its script."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Backlog
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.access import TokenFile
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.address import TcpAddress
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.inside import Inside
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.server import listening
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.site import Site
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import Change
from tests.harness.agent_views import NOW, agent, arn, calm_agent, connection, run, snapshot, troubled_agent
from tests.harness.browser import Browser, browser
from tests.integration.agent.support import wait_until

ANYWHERE = TcpAddress("127.0.0.1", 0)
TAB, ENTER, SPACE = "\ue004", "\ue007", " "


PERIOD = 0.3
"""Seconds between two refreshes in these tests."""


def site(source, token=None):
    guard = None if token is None else TokenFile(token)
    return Site(source, token=guard, check_host=token is None, refresh_seconds=PERIOD)


class Changing:
    """A source whose view the test changes; ``asked`` counts the looks."""

    def __init__(self):
        self.now = calm_agent()
        self.asked = 0
        self._lock = threading.Lock()

    def view(self):
        with self._lock:
            self.asked += 1
        return self.now

    def inside(self):
        return Inside("running", 1, "", NOW, 8, 0)


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser):
    """The browser as a new one would be."""
    chromium.open("about:blank")  # the page of the test before would go on asking a server that is gone
    chromium.size(1280, 900)
    chromium.prefer(prefers_color_scheme="light")
    chromium.scripts(enabled=True)
    chromium.log()
    return chromium


@pytest.fixture
def source():
    return Changing()


@pytest.fixture
def url(source):
    with listening(ANYWHERE, site(source)) as address:
        yield f"{address.url}/"


def title(page):
    return page.run("return document.getElementById('verdict-title').textContent")


def shown(page, selector):
    """The text of what a selector finds, as it is to be seen."""
    return page.run("return [...document.querySelectorAll(arguments[0])].map(found => found.innerText)", selector)


def test_the_page_obeys_its_own_policy_and_loads_nothing_else(page, source, url):
    source.now = troubled_agent()
    page.open(url)
    loaded = page.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert {name.removeprefix(url) for name in loaded} == {"style.css", "script.js"}
    assert page.run("return getComputedStyle(document.querySelector('.verdict')).borderRadius") == "10px"
    assert not page.run("return document.getElementById('pause').hidden")
    assert page.run("const made = document.createElement('script'); made.textContent = 'window.hacked = 1';"
                    "document.body.append(made); return window.hacked || null") is None  # fmt: skip
    (refused,) = page.log()
    assert "Content Security Policy" in refused


def test_it_refreshes_by_itself_and_leaves_the_reader_alone(page, source, url):
    source.now = agent(connections=(connection(backlog=Backlog(1, 0, 0, NOW)),))
    page.open(url)
    page.run("""
        document.querySelector("details").open = true;
        document.querySelector("details summary").focus();
        window.scrollTo(0, 120);
        document.querySelector("#connection-payments-prod").marked = true;
        getSelection().selectAllChildren(document.querySelector("#connections-title"));
    """)
    source.now = troubled_agent()
    page.wait("return document.getElementById('verdict-title').textContent.startsWith('1 thing is broken')")
    assert page.run("return document.title") == "✕ Sync agent on gov-agent-1"
    assert page.run("return document.querySelector('details').open")
    assert page.run("return document.activeElement.tagName") == "SUMMARY"
    assert page.run("return document.querySelector('#connection-payments-prod').marked"), "rows stay the same elements"
    assert page.run("return getSelection().toString().trim()") == "Connections"
    assert page.run("return window.scrollY") > 0
    assert shown(page, "#connections tbody th")[1].startswith("lending-prod")
    source.now = replace(calm_agent(), pid=4712)
    page.wait("return document.getElementById('verdict-title').textContent === 'All is well'")
    assert shown(page, "#waiting .empty") == ["No key has failed."]
    assert shown(page, "footer p")[0].startswith("pid 4712 ")
    assert page.log() == []


def test_new_rows_come_first_and_old_ones_go(page, source, url):
    def changed(*numbers):
        changes = tuple(Change(NOW + number, arn("a", number), "updated", "") for number in numbers)
        return agent(connections=(connection(seen=snapshot(changes=changes)),))

    source.now = changed(1, 2)
    page.open(url)
    page.run("document.querySelectorAll('#changes tbody tr').forEach(row => { row.old = true; })")
    source.now = changed(2, 3, 4)
    page.wait("return document.querySelectorAll('#changes tbody tr').length === 3")
    assert [text.split("\n")[0] for text in shown(page, "#changes tbody th")] == ["a/4", "a/3", "a/2"]
    rows = "return [...document.querySelectorAll('#changes tbody tr')].map(row => Boolean(row.old))"
    assert page.run(rows) == [False, False, True]


def test_it_can_be_paused_with_the_keyboard(page, source, url):
    page.open(url)
    page.press(TAB)
    assert page.run("return document.activeElement.textContent") == "Skip to the connections"
    assert page.run("return document.activeElement.getBoundingClientRect().left") >= 0, "it is to be seen"
    page.press(TAB)
    assert page.run("return document.activeElement.id") == "pause"
    page.press(ENTER)
    assert page.run("return document.getElementById('pause').getAttribute('aria-pressed')") == "true"
    source.now = troubled_agent()
    asked = source.asked
    page.run("window.waited = false; setTimeout(() => { window.waited = true; }, arguments[0])", PERIOD * 5000)
    page.wait("return window.waited")
    assert (title(page), source.asked) == ("All is well", asked)
    page.press(SPACE)
    page.wait("return document.getElementById('verdict-title').textContent !== 'All is well'")
    assert page.run("return document.activeElement.id") == "pause"


def test_it_says_when_the_agent_answers_no_more(page, source):
    with listening(ANYWHERE, site(source)) as address:
        page.open(f"{address.url}/")
        assert page.run("return document.getElementById('stale').hidden")
    page.wait("return !document.getElementById('stale').hidden")
    assert shown(page, "#stale") == ["The agent does not answer: what is below is old."]
    with listening(address, site(source)):
        page.wait("return document.getElementById('stale').hidden")


def test_without_its_script_the_page_is_whole_and_refreshes_too(page, source, url):
    page.scripts(enabled=False)
    source.now = troubled_agent()
    page.open(url)
    text = page.command("DOM.getOuterHTML", nodeId=page.command("DOM.getDocument")["root"]["nodeId"])["outerHTML"]
    assert "1 thing is broken" in text
    assert "The console refused the value of Owner" in text
    asked = source.asked
    wait_until(lambda: source.asked > asked, timeout=60)


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_cut_off_or_needs_scrolling_sideways(page, source, url, width):
    source.now = troubled_agent()
    page.size(width, 844, phone=width < 700)
    page.open(url)
    assert page.run("return document.documentElement.scrollWidth") <= width
    assert page.run("return [...document.querySelectorAll('.card')].filter(it => it.scrollWidth > it.clientWidth)"
                    ".map(it => it.parentElement.id)") == []  # fmt: skip
    small = page.run("return [...document.querySelectorAll('body *')].filter(it => it.childNodes.length"
                     " && parseFloat(getComputedStyle(it).fontSize) < 12).length")  # fmt: skip
    assert small == 0
    if width < 700:
        assert page.run("return document.getElementById('pause').getBoundingClientRect().height") >= 44
        label = "return getComputedStyle(document.querySelector('#connections td'), '::before').content"
        assert page.run(label) == '"State"'


@pytest.mark.parametrize(("width", "phone"), [(390, True), (1280, False)])
def test_assistive_technology_finds_tables_landmarks_and_progress(page, source, url, width, phone):
    source.now = troubled_agent()
    page.size(width, 844, phone=phone)
    page.open(url)
    nodes = page.command("Accessibility.getFullAXTree")["nodes"]
    named = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    roles = [role for role, _name in named]
    assert {"banner", "main", "contentinfo", "status"} <= set(roles)
    assert ("table", "Connections") in named
    assert ("rowheader", "lending-prod 345678901234 · eu-central-1") in named
    bars = [node for node in nodes if node.get("role", {}).get("value") == "progressbar"]
    assert bars[0]["name"]["value"] == "Run of payments-prod, models"
    assert str(bars[0]["value"]["value"]) == "60"
    headings = {name for role, name in named if role == "heading"}
    assert headings >= {"Sync agent gov-agent-1", "1 thing is broken, 4 more need a look", "Connections"}


def test_dark_is_dark_and_light_is_light(page, source, url):
    grounds = {}
    for theme in ("light", "dark"):
        page.prefer(prefers_color_scheme=theme)
        page.open(url)
        grounds[theme] = page.run("return getComputedStyle(document.body).backgroundColor")
    assert grounds == {"light": "rgb(245, 246, 248)", "dark": "rgb(18, 22, 28)"}


def test_a_browser_shows_the_token_as_a_password(page, source, tmp_path):
    token = tmp_path / "token"
    token.write_text("a-token-of-some-length")
    token.chmod(0o600)
    with listening(ANYWHERE, site(source, token)) as address:
        page.open(f"http://operator:a-token-of-some-length@127.0.0.1:{address.port}/")
        assert title(page) == "All is well"
        source.now = troubled_agent()
        page.wait("return document.getElementById('verdict-title').textContent.startsWith('1 thing')")


def test_a_run_moves_its_bar(page, source, url):
    source.now = agent(runs=(run(done=1041),))
    page.open(url)
    assert page.run("return document.querySelector('progress').value") == 10
    source.now = agent(runs=(run(done=5206),))
    page.wait("return document.querySelector('progress').value === 50")
    source.now = agent(runs=(run("succeeded", id="run-running"),))
    page.wait("return document.querySelector('#runs .pill').textContent === 'succeeded'")
