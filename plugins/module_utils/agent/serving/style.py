# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the status page looks: colours as data (a test computes their contrast) and one style sheet."""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "page": "#f5f6f8",
    "card": "#ffffff",
    "line": "#dfe3e8",
    "text": "#1b2430",
    "soft": "#556070",
    "accent": "#1f5fae",
    "good": "#1a6b3c",
    "good-back": "#e3f4e9",
    "warn": "#7a4d00",
    "warn-back": "#fdf0d5",
    "bad": "#a3211c",
    "bad-back": "#fde8e6",
    "calm": "#44505f",
    "calm-back": "#e9ecf0",
}
DARK: Mapping[str, str] = {
    "page": "#12161c",
    "card": "#1a2029",
    "line": "#2e3744",
    "text": "#e6eaf0",
    "soft": "#9daabb",
    "accent": "#7db4f5",
    "good": "#7fd6a2",
    "good-back": "#173325",
    "warn": "#f2c26b",
    "warn-back": "#3a2c10",
    "bad": "#ff9d95",
    "bad-back": "#45201e",
    "calm": "#b6c1cf",
    "calm-back": "#2a323e",
}

_RULES = """
*, *::before, *::after { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Noto Sans", "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.wide { max-width: 76rem; margin: 0 auto; padding-inline: 1.25rem; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .4rem .8rem; z-index: 1; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none !important; }

header { background: var(--card); border-bottom: 1px solid var(--line); }
header .wide { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem 1rem; padding-block: .8rem; }
h1 { font-size: 1.1rem; line-height: 1.3; margin: 0; font-weight: 650; }
h1 small { color: var(--soft); font-weight: 400; font-size: .95rem; }
header .head { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem .9rem; }
header .head span:last-child { color: var(--soft); font-size: .87rem; }
header .side { margin-left: auto; display: flex; align-items: center; gap: .75rem; }
button { font: inherit; font-size: .87rem; color: var(--text); background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; padding: .25rem .8rem; min-height: 2rem; cursor: pointer; }
button:hover { border-color: var(--accent); }

main { padding-block: 1.25rem 2rem; }
section { margin-bottom: 1.9rem; }
h2 { font-size: 1rem; font-weight: 650; margin: 0 0 .55rem; }
h2 small { color: var(--soft); font-weight: 400; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow-x: auto; }
.empty { padding: .8rem 1rem; margin: 0; color: var(--soft); }

.verdict { border-radius: 10px; padding: .9rem 1.1rem; border: 1px solid transparent; margin-bottom: 1.1rem; }
.verdict h2 { font-size: 1.3rem; line-height: 1.3; margin: 0; }
.verdict p { margin: .2rem 0 0; }
.verdict.good { background: var(--good-back); border-color: var(--good); }
.verdict.good h2 { color: var(--good); }
.verdict.warn { background: var(--warn-back); border-color: var(--warn); }
.verdict.warn h2 { color: var(--warn); }
.verdict.bad { background: var(--bad-back); border-color: var(--bad); }
.verdict.bad h2 { color: var(--bad); }
.troubles { list-style: none; margin: .7rem 0 0; padding: 0; display: grid; gap: .5rem; }
.troubles li { background: var(--card); border-radius: 8px; padding: .6rem .85rem; border-left: 4px solid var(--warn);
  overflow-wrap: anywhere; }
.troubles li.bad { border-left-color: var(--bad); }
.troubles b { font-weight: 600; }
.troubles span { color: var(--soft); display: block; }
.stale { background: var(--bad-back); color: var(--bad); border: 1px solid var(--bad); border-radius: 10px;
  padding: .6rem 1rem; margin: 0 0 1rem; font-weight: 600; }

.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: .8rem; margin: 0 0 1.9rem; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .65rem .95rem; }
.tiles dt { color: var(--soft); font-size: .84rem; }
.tiles dd { margin: 0; font-size: 1.35rem; line-height: 1.35; font-weight: 600; }
.tiles dd small { font-size: .84rem; font-weight: 400; color: var(--soft); display: block; }

table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .55rem .95rem; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: .82rem; white-space: nowrap; }
tbody th { font-weight: 600; }
tbody th.text { font-weight: 400; }
time, th.brief, td.brief { white-space: nowrap; }
td small, th small { display: block; color: var(--soft); font-weight: 400; font-size: .82rem; overflow-wrap: anywhere; }
td.number, th.number { text-align: right; }
td.text { min-width: 15rem; overflow-wrap: anywhere; }
.pill { display: inline-block; border-radius: 999px; padding: .05rem .65rem; font-size: .82rem; font-weight: 600;
  white-space: nowrap; background: var(--calm-back); color: var(--calm); }
.pill.good { background: var(--good-back); color: var(--good); }
.pill.warn { background: var(--warn-back); color: var(--warn); }
.pill.bad { background: var(--bad-back); color: var(--bad); }
progress { appearance: none; width: 100%; min-width: 9rem; height: .6rem; border: 0; border-radius: 999px;
  overflow: hidden; background: var(--calm-back); display: block; margin: .45rem 0 .3rem; }
progress::-webkit-progress-bar { background: var(--calm-back); }
progress::-webkit-progress-value { background: var(--accent); }
progress::-moz-progress-bar { background: var(--accent); }
progress.good::-webkit-progress-value { background: var(--good); }
progress.good::-moz-progress-bar { background: var(--good); }
progress.bad::-webkit-progress-value { background: var(--bad); }
progress.bad::-moz-progress-bar { background: var(--bad); }
summary { cursor: pointer; font-weight: 650; margin-bottom: .55rem; }
footer { color: var(--soft); font-size: .84rem; padding-block: 0 2rem; overflow-wrap: anywhere; }
footer p { margin: .2rem 0; }

@media (max-width: 52rem) {
  .wide { padding-inline: .85rem; }
  .tiles { grid-template-columns: repeat(2, 1fr); gap: .6rem; margin-bottom: 1.4rem; }
  header .head { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem .9rem; }
header .head span:last-child { color: var(--soft); font-size: .87rem; }
header .side { margin-left: 0; width: 100%; justify-content: space-between; }
  button { min-height: 2.75rem; padding-inline: 1rem; }
  table, tbody, tr, th, td { display: block; width: 100%; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { padding: .65rem .9rem; border-top: 1px solid var(--line); }
  tbody tr:first-child { border-top: 0; }
  tbody th, tbody td { border: 0; padding: .12rem 0; }
  tbody td[data-label] { display: grid; grid-template-columns: 7.5rem 1fr; gap: .5rem; align-items: baseline; }
  tbody td[data-label]::before { content: attr(data-label); color: var(--soft); font-size: .82rem; }
  td.number { text-align: left; }
  td.text { min-width: 0; }
}
@media (prefers-contrast: more) { .card, .tiles div, button { border-color: currentcolor; } }
@media print { button, .skip { display: none; } }
"""


def _variables(colours: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in colours.items())


def style_sheet() -> str:
    """The style sheet, light and dark."""
    return (
        f":root {{ {_variables(LIGHT)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)} }} }}\n{_RULES}"
    )
