# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example alert rules and the example dashboard, judged by Prometheus' own tool."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[5]
PROMTOOL = CHECKOUT / ".ansible" / "tools" / "promtool"
RULES = CHECKOUT / "extensions" / "monitoring" / "prometheus-alerts.yml"
DASHBOARD = CHECKOUT / "extensions" / "monitoring" / "grafana-dashboard.json"


def promtool(*arguments):
    run = subprocess.run([PROMTOOL, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_the_rules_are_valid_and_each_says_what_to_do():
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    assert f"{len(group['rules'])} rules found" in promtool("check", "rules", RULES)
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_the_rules_fire_when_they_should():
    promtool("test", "rules", CHECKOUT / "tests" / "fixtures" / "monitoring" / "alert-tests.yml")


def test_every_expression_of_the_dashboard_is_valid(tmp_path):
    dashboard = json.loads(DASHBOARD.read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(expressions) > 20
    filled = [text.replace("$connection", ".*").replace("$__rate_interval", "5m") for text in expressions]
    assert not [text for text in filled if "$" in text]
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(filled)]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", path)


def test_the_panels_of_the_dashboard_do_not_overlap():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _y in taken) == 23
    assert len({panel["id"] for panel in panels}) == len(panels)
    named = {
        name for panel in panels for target in panel["targets"] for name in re.findall(r"\$\{(\w+)\}", str(target))
    }
    assert named <= {variable["name"] for variable in dashboard_variables()}


def dashboard_variables():
    return json.loads(DASHBOARD.read_text())["templating"]["list"]
