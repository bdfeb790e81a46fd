# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The query endpoint: what statements mean, and the shape of pages."""

from __future__ import annotations

import datetime
import urllib.parse

import pytest

from tests.emulators.console.switches import Switches

ARN = "arn:aws:sagemaker:us-east-1:111122223333:model-package"


@pytest.fixture
def models(api, tree):
    """Three further models; ids by name."""
    made = {}
    for name, status, quality in (
        ("Alpha", "Proposed", 1),
        ("beta", "Data Acquisition", 2),
        ("gamma_1", "Proposed", 3),
    ):
        fields = {
            "MRG-Model:Status": {"name": status},
            "MRG-Model:Data Quality": quality,
            "MRG-Model:Version": quality,
            "Integration:External ID": f"{ARN}/{name}/1",
            "Integration:Last Update": f"2026-01-0{quality}",
        }
        if name == "beta":
            fields["MRG-Model:Supported Tasks"] = [{"name": "Generation"}, {"name": "Classification"}]
        made[name] = api.create("Model", name, tree["group"], fields=fields)["id"]
    return made


def names(api, where, **options):
    """Return the names of the models for which a condition holds."""
    return [row[0] for row in api.rows(f"SELECT [Name] FROM [Model] WHERE {where}", **options)]


# ---- shape of the answer ---------------------------------------------------------------------------------------------


def test_a_page_has_the_recorded_shape(api, tree):
    page = api.query("SELECT [Resource ID], [Name], [Location], [Integration:External ID] FROM [Model]")
    assert [(d["name"], d["data_type"]) for d in page["definitions"]] == [
        ("Resource ID", "ID_TYPE"),
        ("Name", "STRING_TYPE"),
        ("Location", "STRING_TYPE"),
        ("Integration:External ID", "STRING_TYPE"),
    ]
    assert page["rows"] == [
        {
            "fields": [
                {"name": "Resource ID", "value": tree["model"]},
                {"name": "Name", "value": "churn-v1"},
                {"name": "Location", "value": api.get(tree["model"])["path"]},
                {"name": "Integration:External ID"},
            ]
        }
    ]
    assert (page["offset"], page["limit"]) == (0, 50)
    assert "next" not in page
    fields = {field["name"]: field["id"] for field in api.get(tree["model"])["fields"]}
    assert all(fields[d["name"]] == d["id"] for d in page["definitions"])


def test_an_enumeration_value_is_an_object_or_its_name(api, tree):
    statement = "SELECT [MRG-Model:Status] FROM [Model]"
    assert api.rows(statement)[0][0]["name"] == "Proposed"
    api.emulator.switch(query_enum_shape="string")
    assert api.rows(statement) == [("Proposed",)]


def test_several_values_of_an_enumeration(api, models):
    statement = "SELECT [MRG-Model:Supported Tasks] FROM [Model] WHERE [Name] = 'beta'"
    assert [value["name"] for value in api.rows(statement)[0][0]] == ["Classification", "Generation"]
    api.emulator.switch(query_enum_shape="string")
    assert api.rows(statement) == [(["Classification", "Generation"],)]


def test_dates_of_rows_carry_the_offset_of_the_server(api, tree):
    shown = api.rows("SELECT [Creation Date] FROM [Model]")[0][0]
    assert shown.endswith("+02:00")
    created = api.get(tree["model"])["creation_date"]
    assert datetime.datetime.fromisoformat(shown) == datetime.datetime.fromisoformat(created.replace("Z", "+00:00"))


def test_get_takes_the_statement_in_its_address(api, models):
    statement = "SELECT [Name] FROM [Model] WHERE [Name] LIKE '%a%'"
    posted = api.query(statement)
    for encoded in (urllib.parse.quote_plus(statement), urllib.parse.quote(statement, safe="")):
        assert api.call("GET", f"query?q={encoded}").json() == posted
    assert api.call("GET", "query").status_code == 400
    assert api.call("POST", "query/", json={"statement": statement}).json() == posted


# ---- paging ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(api):
    """1003 models in 17 groups; returns what the preload answered."""
    return api.control("POST", "preload", {"model_groups": 17, "models_per_group": 59, "use_cases": 2}).json()


@pytest.mark.parametrize(
    ("options", "limit"), [({}, 50), ({"limit": 7}, 7), ({"limit": 500}, 500), ({"limit": 5000}, 500)]
)
def test_the_limit_of_a_page(api, many, options, limit):
    page = api.query("SELECT [Name] FROM [Model]", **options)
    assert (len(page["rows"]), page["limit"]) == (limit, limit)
    assert page["next"]["href"] == f"{api.base}/query?offset={limit}"


def test_pages_show_every_object_once(api, many):
    for statement in ("SELECT [Resource ID] FROM [Model]", "SELECT [Resource ID] FROM [Model] ORDER BY [Title] DESC"):
        seen, offset = [], 0
        while offset is not None:
            page = api.query(statement, offset=offset, limit=300)
            seen += [row["fields"][0]["value"] for row in page["rows"]]
            offset = int(page["next"]["href"].partition("offset=")[2]) if "next" in page else None
        assert len(seen) == len(set(seen)) == 1003


def test_the_link_to_the_next_page_of_a_get_works(api, many):
    address, pages = f"{api.base}/query?q=SELECT+[Resource+ID]+FROM+[Model]&limit=400", []
    while address:
        page = api.session.get(address, timeout=5).json()
        pages.append([row["fields"][0]["value"] for row in page["rows"]])
        address = page.get("next", {}).get("href")
    assert [len(page) for page in pages] == [400, 400, 203]
    assert len({number for page in pages for number in page}) == 1003


def test_a_limit_in_the_statement_is_ignored(api, many):
    page = api.query("SELECT [Name] FROM [Model] LIMIT 3")
    assert len(page["rows"]) == 50


def test_max_rows_caps_the_whole_answer(api, many):
    assert "next" not in api.query("SELECT [Name] FROM [Model]", limit=100, max_rows=100)
    page = api.query("SELECT [Name] FROM [Model]", limit=100, max_rows=150, offset=100)
    assert len(page["rows"]) == 50
    assert "next" not in page
    assert api.query("SELECT [Name] FROM [Model]", offset=200, max_rows=150)["rows"] == []
    assert "next" in api.query("SELECT [Name] FROM [Model]", limit=100, max_rows=0, offset=700)


@pytest.mark.parametrize(
    "options",
    [
        {"limit": -1},
        {"limit": "5"},
        {"offset": -1},
        {"offset": True},
        {"max_rows": 1.5},
        {"case_insensitive": "yes"},
        {"honor_primary": 1},
    ],
)
def test_wrong_options_are_refused(api, options):
    api.refused("SELECT [Name] FROM [Model]", **options)


def test_an_offset_beyond_everything(api, tree):
    assert api.query("SELECT [Name] FROM [Model]", offset=2**70)["rows"] == []


# ---- conditions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("[Name] = 'beta'", ["beta"]),
        ("[Name] = 'Beta'", []),
        ("[Name] <> 'beta'", ["churn-v1", "Alpha", "gamma_1"]),
        ("[Name] < 'b'", ["Alpha"]),
        ("[Name] IN ('Alpha', 'beta', 'none')", ["Alpha", "beta"]),
        ("[Name] NOT IN ('Alpha', 'beta')", ["churn-v1", "gamma_1"]),
        ("[Name] LIKE '%a'", ["Alpha", "beta"]),
        ("[Name] LIKE 'a%'", []),
        ("[Name] LIKE 'gamma_1'", ["gamma_1"]),
        ("[Name] LIKE 'gam_a_1'", ["gamma_1"]),
        ("[Name] LIKE '*'", []),
        ("[Name] LIKE '[a-z]%'", []),
        (f"[Integration:External ID] LIKE '{ARN}/b%'", ["beta"]),
        (f"[Integration:External ID] = '{ARN}/beta/1'", ["beta"]),
        ("[Integration:External ID] IS NULL", ["churn-v1"]),
        ("[Integration:External ID] IS NOT NULL AND [MRG-Model:Status] = 'Proposed'", ["Alpha", "gamma_1"]),
        ("[MRG-Model:Status] = 'Data Acquisition'", ["beta"]),
        ("[MRG-Model:Status] LIKE 'Data%'", ["beta"]),
        ("[MRG-Model:Data Quality] >= 2", ["beta", "gamma_1"]),
        ("[MRG-Model:Data Quality] < 1.5", ["Alpha"]),
        ("[MRG-Model:Version] = '3'", ["gamma_1"]),
        ("[MRG-Model:Supported Tasks] = 'Generation'", ["beta"]),
        ("[MRG-Model:Supported Tasks] <> 'Generation'", []),
        ("[MRG-Model:Supported Tasks] <> 'Summarization'", ["beta"]),
        ("[MRG-Model:Supported Tasks] IN ('Summarization', 'Classification')", ["beta"]),
        ("[MRG-Model:Supported Tasks] LIKE 'Gen%'", ["beta"]),
        ("CONTAINS([Name], 'ALPH')", ["Alpha"]),
        ("[Integration:Last Update] = DATE '2026-01-02'", ["beta"]),
        ("[Integration:Last Update] > '2026-01-01'", ["beta", "gamma_1"]),
        ("[Integration:Last Update] <= '2026-01-01T02:00:00.000+02:00'", ["Alpha"]),
        ("NOT [Name] = 'beta' AND NOT ([Name] = 'Alpha')", ["churn-v1", "gamma_1"]),
        ("[Name] = 'Alpha' OR [Name] = 'beta' AND [MRG-Model:Data Quality] = 99", ["Alpha"]),
        ("([Name] = 'Alpha' OR [Name] = 'beta') AND [MRG-Model:Data Quality] > 1", ["beta"]),
        ("[Location] LIKE '%/SageMaker Prod/beta.txt'", ["beta"]),
        ("[Model].[Name] = 'beta'", ["beta"]),
    ],
)
def test_conditions(api, models, where, found):
    assert names(api, where) == found


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("[Name] = 'ALPHA'", ["Alpha"]),
        ("[Name] LIKE 'A%'", ["Alpha"]),
        ("[Name] IN ('BETA')", ["beta"]),
    ],
)
def test_case_may_be_ignored(api, models, where, found):
    assert names(api, where, case_insensitive=True) == found
    assert names(api, where, case_insensitive=False) == (found if "A%" in where else [])


def test_resource_ids_are_compared_as_numbers(api, models):
    wanted = models["beta"]
    for where in (f"[Resource ID] = '{wanted}'", f"[Resource ID] = {wanted}", f"[Resource ID] IN ('{wanted}')"):
        assert names(api, where) == ["beta"]
    assert names(api, f"[Resource ID] >= '{wanted}'") == ["beta", "gamma_1"]


def test_changed_since(api, models):
    api.emulator.clock.advance(1800)
    mark = api.get(models["gamma_1"])["modified_date"]
    api.call("PUT", f"contents/{models['beta']}", json={"name": "beta"})
    assert names(api, f"[Last Modification Date] > '{mark}'") == ["beta"]


def test_keywords_in_any_case_and_over_several_lines(api, models):
    assert api.rows("select [Name]\nfrom [Model] as [m]\twhere [m].[Name] in ('beta')\norder by [Name] asc") == [
        ("beta",)
    ]


def test_a_console_may_know_no_in(api, models):
    api.emulator.switch(in_operator=False)
    assert "IN" in api.refused("SELECT [Name] FROM [Model] WHERE [Name] IN ('beta')")
    assert names(api, "[Name] = 'beta' OR [Name] = 'Alpha'") == ["Alpha", "beta"]


def test_a_long_chain_of_alternatives(api, models):
    chain = " OR ".join(f"[Name] = 'x{number}'" for number in range(3000))
    assert names(api, f"{chain} OR [Name] = 'beta'") == ["beta"]


# ---- joins -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT [Model].[Name], [ModelGroup].[Name] FROM [Model] JOIN [ModelGroup] ON CHILD([Model])",
        "SELECT [Model].[Name], [ModelGroup].[Name] FROM [ModelGroup] JOIN [Model] ON PARENT([ModelGroup])",
        "SELECT [m].[Name], [g].[Name] FROM [Model] AS [m] JOIN [ModelGroup] AS [g] ON CHILD([m])",
    ],
)
def test_on_child_names_the_child_and_on_parent_the_parent(api, tree, statement):
    page = api.query(statement)
    assert [[cell["value"] for cell in row["fields"]] for row in page["rows"]] == [["churn-v1", "churn"]]
    assert [definition["name"] for definition in page["definitions"]] == ["Name", "Name"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT [Model].[Name] FROM [Model] JOIN [ModelGroup] ON PARENT([Model])",
        "SELECT [Model].[Name] FROM [ModelGroup] JOIN [Model] ON CHILD([ModelGroup])",
        "SELECT [Model].[Name] FROM [Model] JOIN [SOXBusEntity] ON CHILD([Model])",
    ],
)
def test_the_other_way_round_nothing_is_found(api, tree, statement):
    assert api.rows(statement) == []


def test_use_cases_of_an_entity_through_any_parent(api, tree):
    other = api.create("SOXBusEntity", "Other")["id"]
    shared = api.create("Register", "Shared", other)["id"]
    api.call(
        "POST", f"contents/{shared}/associations", json={"associations": [{"id": tree["entity"], "type": "parent"}]}
    )
    statement = (
        "SELECT [Register].[Name] FROM [Register] JOIN [SOXBusEntity] ON CHILD([Register])"
        f" WHERE [SOXBusEntity].[Resource ID] = '{tree['entity']}'"
    )
    assert api.rows(statement) == [("Churn",), ("Shared",)]
    assert api.rows(statement, honor_primary=True) == [("Churn",)]


def test_joins_follow_each_other(api, tree):
    statement = (
        "SELECT [Model].[Name], [Register].[Name], [SOXBusEntity].[Name] FROM [Model]"
        " JOIN [ModelGroup] ON CHILD([Model]) JOIN [Register] ON CHILD([ModelGroup])"
        " JOIN [SOXBusEntity] ON CHILD([Register]) WHERE [SOXBusEntity].[Name] = 'SageMaker Prod'"
    )
    assert api.rows(statement) == [("churn-v1", "Churn", "SageMaker Prod")]


def test_ancestors_reach_over_several_levels(api, tree):
    statement = "SELECT [{0}].[Name] FROM [SOXBusEntity] JOIN [{0}] ON ANCESTOR([SOXBusEntity])"
    for kind, name in (("Register", "Churn"), ("ModelGroup", "churn"), ("Model", "churn-v1")):
        assert api.rows(statement.format(kind)) == [(name,)]
    assert api.rows("SELECT [Register].[Name] FROM [Model] JOIN [Register] ON ANCESTOR([Model])") == []


def test_outer_joins_keep_what_has_no_partner(api, tree):
    api.create("ModelGroup", "empty", tree["use_case"])
    outer = "SELECT [ModelGroup].[Name], [Model].[Name] FROM [ModelGroup] {} [Model] ON PARENT([ModelGroup])"
    assert api.rows(outer.format("OUTER JOIN")) == [("churn", "churn-v1"), ("empty", None)]
    assert api.rows(outer.format("JOIN")) == [("churn", "churn-v1")]


# ---- counts, groups, unions ------------------------------------------------------------------------------------------


def test_counts_and_groups(api, models):
    assert api.rows("SELECT COUNT(*) FROM [Model]") == [(4,)]
    assert api.rows("SELECT COUNT([Integration:External ID]) FROM [Model]") == [(3,)]
    api.emulator.switch(query_enum_shape="string")
    grouped = "SELECT [MRG-Model:Status], COUNT(*) FROM [Model] GROUP BY [MRG-Model:Status] ORDER BY [MRG-Model:Status]"
    assert api.rows(grouped) == [("Data Acquisition", 1), ("Proposed", 3)]


def test_order(api, models):
    statement = "SELECT [Name] FROM [Model] WHERE [Integration:External ID] IS NOT NULL ORDER BY {}"
    assert api.rows(statement.format("[MRG-Model:Data Quality] DESC")) == [("gamma_1",), ("beta",), ("Alpha",)]
    assert api.rows(statement.format("[MRG-Model:Status], [Name] DESC")) == [("beta",), ("gamma_1",), ("Alpha",)]


def test_unions(api, tree):
    union = "SELECT [Name] FROM [Model] UNION SELECT [Name] FROM [ModelGroup] UNION SELECT [Name] FROM [Model]"
    assert api.rows(union) == [("churn",), ("churn-v1",)]


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "   ",
        "SELECT",
        "SELECT * FROM [Model]",
        "SELECT [Name] FROM Model",
        "SELECT Name FROM [Model]",
        "SELECT [Name], FROM [Model]",
        "SELECT [Name] FROM [Model] WHERE",
        "SELECT [Name] FROM [Model] WHERE [Name]",
        "SELECT [Name] FROM [Model] WHERE [Name] = 'open",
        "SELECT [Name] FROM [Model] WHERE [Name] = it's",
        'SELECT [Name] FROM [Model] WHERE [Name] = "double"',
        "SELECT [Name] FROM [Model] WHERE [Name] = [Title]",
        "SELECT [Name] FROM [Model] WHERE [Name] == 'x'",
        "SELECT [Name] FROM [Model] WHERE [Name] != 'x'",
        "SELECT [Name] FROM [Model] WHERE [Name] IN ()",
        "SELECT [Name] FROM [Model] WHERE [Name] IN (SELECT [Name] FROM [Model])",
        "SELECT [Name] FROM [Model] WHERE [Name] LIKE 5",
        "SELECT [Name] FROM [Model] WHERE ([Name] = 'x'",
        "SELECT [Name] FROM [Model] WHERE [MRG-Model:Version] + 1 = 2",
        "SELECT [Name] FROM [Model] GROUP BY [Name] HAVING COUNT(*) > 1",
        "SELECT DISTINCT [Name] FROM [Model]",
        "SELECT MAX([Name]) FROM [Model]",
        "SELECT [Name] AS [n] FROM [Model]",
        "SELECT [Name] FROM [Model] JOIN [Register]",
        "SELECT [Name] FROM [Model] JOIN [Register] ON SIBLING([Model])",
        "SELECT [Name] FROM [Model], [Register]",
        "SELECT [Name] FROM [Model]; DROP TABLE directory",
        "SELECT [Name] FROM [Model] -- comment",
        "SELECT [Name] FROM [Model] LIMIT",
        "DELETE FROM [Model]",
        "SELECT [Name] FROM [Model] WHERE [Name] = 'x' garbage",
        "SELECT [Name] FROM [Model] WHERE " + "(" * 5000,
        "SELECT [Name] FROM [Model] WHERE " + "NOT " * 5000 + "[Name] = 'x'",
        "SELECT [Name] FROM [Model] WHERE [MRG-Model:Version] = " + "9" * 5000,
    ],
)
def test_syntax_outside_the_language_is_refused(api, tree, statement):
    assert api.refused(statement)
    assert api.rows("SELECT [Name] FROM [Model]") == [("churn-v1",)]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("SELECT [Name] FROM [Nothing]", "Nothing"),
        ("SELECT [Name] FROM [model]", "model"),
        ("SELECT [Nothing] FROM [Model]", "Nothing"),
        ("SELECT [name] FROM [Model]", "name"),
        ("SELECT [Name] FROM [Model] WHERE [Nothing] = 'x'", "Nothing"),
        ("SELECT [Name] FROM [Model] ORDER BY [Nothing]", "Nothing"),
        ("SELECT [Register].[Name] FROM [Model]", "Register"),
        ("SELECT [Model].[Name] FROM [Model] AS [m]", "Model"),
        ("SELECT [Name] FROM [Model] JOIN [Register] ON CHILD([Model])", "Name"),
        ("SELECT [Model].[Name] FROM [Model] JOIN [Register] ON CHILD([Register])", "Register"),
        ("SELECT [Model].[Name] FROM [Model] JOIN [Model] ON CHILD([Model])", "Model"),
        ("SELECT [Name], COUNT(*) FROM [Model]", "Name"),
        ("SELECT [Name] FROM [Model] GROUP BY [Title]", "Name"),
        ("SELECT [Name] FROM [Model] UNION SELECT [Name], [Title] FROM [Model]", "UNION"),
        ("SELECT [Name] FROM [Model] ORDER BY [Name] UNION SELECT [Name] FROM [Register]", "UNION"),
        ("SELECT [Name] FROM [Model] WHERE [Resource ID] = 'abc'", "abc"),
        ("SELECT [Name] FROM [Model] WHERE [Resource ID] = 9999999999999999999", "too large"),
        ("SELECT [Name] FROM [Model] WHERE [Creation Date] > 'yesterday'", "yesterday"),
        ("SELECT [Name] FROM [Model] WHERE [Name] = DATE '2026-01-01'", "Name"),
        ("SELECT [Name] FROM [Model] WHERE [Creation Date] LIKE '2026%'", "LIKE"),
        ("SELECT [Name] FROM [Model] WHERE CONTAINS([MRG-Model:Version], '1')", "CONTAINS"),
        ("SELECT [Name] FROM [Model] WHERE [MRG-Model:Supported Tasks] > 'x'", "several"),
    ],
)
def test_what_the_types_do_not_have_is_refused_by_name(api, tree, statement, named):
    assert named in api.refused(statement)


def test_a_syntax_error_says_where(api):
    assert "line 2, column 6" in api.refused("SELECT [Name]\nFROM [Model WHERE")


def test_a_statement_can_be_too_large(api):
    assert "literals" in api.refused(
        f"SELECT [Name] FROM [Model] WHERE [Name] IN ({','.join(['1'] * 30_001)})",
    )


def test_switch_defaults_are_those_of_the_page(api):
    assert api.control("GET", "switches").json() == Switches().as_json()
