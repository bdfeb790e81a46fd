# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page as text: escaped, whole, accessible, and without anything from elsewhere."""

from __future__ import annotations

import html.parser
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Backlog, DirtyKey
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving import style
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.html import Cell, Html, el, join, table
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.page import render
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.script import SCRIPT
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.words import ago, short_key, span
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import Change
from tests.harness.agent_views import NOW, agent, arn, calm_agent, connection, run, snapshot, troubled_agent

VOID = {"meta", "link", "br"}
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


class Document(html.parser.HTMLParser):
    """What a browser would see: elements with attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def find(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@given(TEXTS, TEXTS)
def test_whatever_a_text_holds_it_stays_text(content, attribute):
    document = Document(el("p", content, el("b", content), title=attribute))
    assert document.elements == [("p", {"title": attribute}), ("b", {})]
    assert "".join(document.texts) == content * 2


def test_elements_are_not_escaped_twice_and_attributes_have_three_forms():
    assert join(["<", el("br"), Html("&amp;")]) == "&lt;<br>&amp;"
    assert (
        el("i", class_="a", data_label="b", hidden=True, title=None, lang=False)
        == '<i class="a" data-label="b" hidden></i>'
    )


def test_a_table_says_what_its_parts_are():
    document = Document(table("All", ["Name", "Count"], [("row-1", [Cell("one"), Cell("1", "number")])]))
    assert [row.get("id") for row in document.find("tr")] == [None, "row-1"]
    assert [(head["scope"], head["role"]) for head in document.find("th")] == [
        ("col", "columnheader"), ("col", "columnheader"), ("row", "rowheader"),
    ]  # fmt: skip
    (cell,) = document.find("td")
    assert cell == {"role": "cell", "class": "number", "data-label": "Count"}


def hostile(text):
    """An agent every text of which is this."""
    key = DirtyKey(f"arn:aws:sagemaker:x:1:model-package/{text}/1", 0, 3, NOW, NOW, text)
    changes = (Change(NOW, text, "updated", text),)
    seen = snapshot(last_error=text, changes=changes, held=changes)
    mine = connection(text, description=text, region=text, account_id=text, console_url=text, breaker="open",
                      seen=seen, waiting=(key,), backlog=Backlog(1, 1, 0, NOW))  # fmt: skip
    failed = run("failed", connection=text, error=text, phase=text, notes=(text,))
    return agent(connections=(mine,), runs=(failed,), refused={text: text}, late={text: 3.0}, crashed=(text,),
                 host=text, release=text, standby=(text,), unreadable=(text,))  # fmt: skip


@given(TEXTS)
def test_nothing_that_comes_from_outside_becomes_html(text):
    plain = Document(render(hostile("text")))
    document = Document(render(hostile(text)))
    assert [name for name, _attributes in document.elements] == [name for name, _attributes in plain.elements]


@pytest.mark.parametrize("view", [agent(connections=()), calm_agent(), troubled_agent(), hostile("a<b>\"'&")])
def test_the_page_needs_nothing_from_elsewhere_and_no_inline_code(view):
    page = render(view)
    document = Document(page)
    sources = [a.get("src") or a.get("href") or "" for _tag, a in document.elements]
    assert {source for source in sources if ":" in source} == {"data:,"}
    assert not [a for _tag, a in document.elements if any(name.startswith("on") or name == "style" for name in a)]
    assert document.find("script") == [{"src": "script.js", "defer": None, "data-period": "5"}]
    assert document.find("style") == document.find("form") == document.find("iframe") == []
    assert "//" not in re.sub(r"//[^\n]*", "", SCRIPT) + style.style_sheet()


@pytest.mark.parametrize("view", [calm_agent(), troubled_agent()])
def test_landmarks_headings_and_names(view):
    document = Document(render(view))
    ids = [a["id"] for _tag, a in document.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert document.find("html") == [{"lang": "en"}]
    assert [len(document.find(tag)) for tag in ("header", "main", "footer", "h1")] == [1, 1, 1, 1]
    for section in document.find("section"):
        assert section.get("aria-label") or section["aria-labelledby"] in ids
    for found in document.find("progress"):
        assert found["aria-label"]
    (skip,) = [a for a in document.find("a") if a.get("class") == "skip"]
    assert str(skip["href"]).removeprefix("#") in ids
    assert len(document.find("caption")) == len(document.find("table"))
    (refresh,) = [a for a in document.find("meta") if a.get("http-equiv") == "refresh"]
    assert refresh["content"] == "10"


def test_what_is_wrong_comes_first():
    text = Document(render(troubled_agent())).text
    assert (
        text.index("1 thing is broken, 4 more need a look")
        < text.index("console.example.com does not answer")
        < text.index("1 key is parked")
    )
    assert text.index("1 key is parked") < text.index("Connections running")
    assert "The console refused the value of Owner: no such user." in text
    assert "41 of 120 objects (34 %)" in text
    assert "both sides changed the description" in text
    assert "update model credit-risk/12: Approval, Description" in text
    assert render(troubled_agent()).count("<title>✕ Sync agent on gov-agent-1</title>") == 1


def test_all_is_well():
    document = Document(render(calm_agent()))
    assert "All is well Nothing waits." in document.text
    assert "No key has failed." in document.text
    assert "Nothing is held back." in document.text
    busy = agent(connections=(connection(backlog=Backlog(3, 0, 0, NOW)),))
    assert "All is well 3 keys are being worked on." in Document(render(busy)).text


def test_progress_of_runs():
    runs = (run(), run("running", id="run-2", total=None, left_seconds=None), run("succeeded"), run("cut_off"))
    document = Document(render(agent(runs=runs)))
    values = [(found.get("value"), found.get("max")) for found in document.find("progress")]
    assert values == [("60", "100"), (None, None), ("100", "100"), ("60", "100")]
    assert "models (phase 3 of 4) · 6,210 of 10,412 · 11.3 a second · about 6 min left in this phase" in document.text


def test_many_keys_and_changes_are_cut_short():
    keys = tuple(DirtyKey(arn("a", number), 0, number, NOW, NOW, "x") for number in range(200))
    changes = tuple(Change(NOW - number, arn("a", number), "updated", "") for number in range(100))
    view = agent(
        connections=(connection(waiting=keys, backlog=Backlog(900, 900, 0, NOW), seen=snapshot(changes=changes)),)
    )
    document = Document(render(view))
    rows = [str(row.get("id")) for row in document.find("tr")]
    assert len([row for row in rows if row.startswith("key-")]) == 50
    assert rows.index(f"key-payments-prod-{arn('a', 199)}") < rows.index(f"key-payments-prod-{arn('a', 198)}")
    assert len([row for row in rows if row.startswith("change-")]) == 25
    assert "the worst 50 of 900" in document.text


def luminance(colour):
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [style.LIGHT, style.DARK])
def test_text_can_be_read_on_its_ground(colours):
    """WCAG 2.2 AA: 4.5 to 1 for text, 3 to 1 for what is drawn."""
    assert style.LIGHT.keys() == style.DARK.keys()
    for ground in ("page", "card"):
        for text in ("text", "soft", "accent"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for state in ("good", "warn", "bad", "calm"):
        assert contrast(colours[state], colours[f"{state}-back"]) >= 4.5, state
        assert contrast(colours["text"], colours[f"{state}-back"]) >= 4.5, state
    for drawn in ("accent", "good", "bad"):
        assert contrast(colours[drawn], colours["calm-back"]) >= 3, drawn


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 ms"), (0.25, "250 ms"), (1, "1 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "2 h"),
     (36 * 3600, "2 days")],
)  # fmt: skip
def test_spans(seconds, text):
    assert span(seconds) == text


def test_words():
    assert [ago(None, NOW), ago(NOW + 5, NOW), ago(NOW - 1, NOW), ago(NOW - 60, NOW)] == [
        "never", "just now", "just now", "60 s ago",
    ]  # fmt: skip
    assert short_key(arn("credit-risk", 3)) == "credit-risk/3"
    assert short_key("arn:aws:sagemaker:x:1:model-package-group/churn") == "churn"
    assert short_key("use-case:412") == "use-case:412"
    assert short_key("arn:odd") == "arn:odd"
