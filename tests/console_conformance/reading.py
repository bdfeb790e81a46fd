# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts that are tried by reading alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import RefusedError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.query import (
    And,
    Column,
    Compare,
    Date,
    In,
    IsNull,
    Join,
    Like,
    Order,
    Query,
    columns,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import DESCRIPTION, MODEL_RULES

from .facts import DECOMMISSIONED, ID, NAME, OWNER, STATUS, Differs, NothingToTry, Surroundings, fact, facts_in, require


@fact("the login is accepted and GET types lists types with id, name and label", "recorded")
def types(at: Surroundings) -> str:
    known = at.client.types().types
    require(len(known) > 5, f"there are only {len(known)} types")
    return f"{len(known)} types"


@fact("business entities, use cases and models have the system names SOXBusEntity, Register and Model", "recorded")
def type_names(at: Surroundings) -> str:
    schema = at.client.types()
    names = (at.settings.business_entity_type, at.settings.use_case_type, at.settings.model_type)
    return ", ".join(f"{schema.by_name(name).name} = {schema.by_name(name).label}" for name in names)


@fact('there is a type labelled "Model Group"', "vendor; its system name is chosen")
def model_group_type(at: Surroundings) -> str:
    return f"its system name is {at.group_type()}"


@fact("GET types/NAME gives the fields with data type, and the values of enumerations", "recorded")
def type_definition(at: Surroundings) -> str:
    definition = at.client.type_definition(at.settings.model_type)
    values = definition.field(STATUS).enum_values
    require(DECOMMISSIONED in values, f"{STATUS} has no value {DECOMMISSIONED}, but {', '.join(values)}")
    return f"{len(definition.fields)} fields; {STATUS}: {', '.join(values)}"


@fact("models and model groups have text fields for the ARN and for what was last agreed", "recorded for models")
def sync_fields(at: Surroundings) -> str:
    seen = []
    for type_name in (at.settings.model_type, at.group_type()):
        definition = at.client.type_definition(type_name)
        for name in (at.settings.arn_field, at.settings.state_field):
            found = definition.field(name)
            require("STRING" in found.data_type and not found.read_only, f"{type_name}: {name} is {found.data_type}")
            seen.append(f"{type_name}: {name} is {found.data_type}")
    return "; ".join(seen)


@fact("the fields that the mapping writes exist under the names that were recorded", "recorded")
def mapped_fields(at: Surroundings) -> str:
    definition = at.client.type_definition(at.settings.model_type)
    mapped = [rule.field for rule in MODEL_RULES if rule.field != DESCRIPTION]
    missing = [name for name in mapped if name not in definition.fields]
    require(not missing, f"{definition.name} lacks {', '.join(missing)}")
    return f"all {len(mapped)} are there"


@fact("an unknown type answers 404", "chosen")
def unknown_type(at: Surroundings) -> str:
    try:
        at.client.transport.request("GET", "types/NoSuchTypeAtAll", "GET types")
    except RefusedError as refusal:
        require(refusal.status == 404, f"it answers {refusal.status}: {refusal}")
        return str(refusal)
    raise Differs("it answers with success")


@fact("an object that is not there answers 404", "vendor")
def unknown_object(at: Surroundings) -> str:
    found = at.client.get_object("999999999999")
    require(found is None, "there is an object of the id 999999999999")
    return "404"


@fact("POST query takes statement, offset and limit and answers with definitions and rows", "vendor")
def query(at: Surroundings) -> str:
    answer = at.raw(f"SELECT [{ID}], [{NAME}] FROM [{at.settings.business_entity_type}]")
    missing = [key for key in ("definitions", "rows", "offset", "limit") if key not in answer]
    require("rows" in answer, f"the answer has {', '.join(answer)}")
    return f"keys: {', '.join(sorted(answer))}" + (f"; not there: {', '.join(missing)}" if missing else "")


@fact("a LIMIT in the statement is ignored or refused, only the request's limit counts", "vendor")
def limit_in_statement(at: Surroundings) -> str:
    entity = at.settings.business_entity_type
    if len(at.some(entity, limit=2)) < 2:
        raise NothingToTry("There are not two business entities.")
    try:
        rows = at.raw(f"SELECT [{ID}] FROM [{entity}] LIMIT 1", limit=2)["rows"]
    except RefusedError as refusal:
        return f"refused: {refusal}"
    require(len(rows) == 2, "LIMIT 1 gave one row")
    return "ignored"


@fact("a page that is not the last has next, and the pages together have every object once", "third party")
def paging(at: Surroundings) -> str:
    kind = at.settings.business_entity_type
    ids = {str(row[ID]) for row in at.some(kind, limit=5)}
    if len(ids) < 2:
        raise NothingToTry("There are not two business entities.")
    statement = f"SELECT [{ID}] FROM [{kind}] ORDER BY [{ID}] ASC"
    first = at.raw(statement, limit=1)
    second = at.raw(statement, limit=1, offset=1)
    require(bool(first.get("next")), "the first page of several has no next")
    require(first["rows"] != second["rows"], "offset 0 and offset 1 give the same row")
    return f"next is {first['next']!r}"


@fact("limits up to 500 are honoured", "chosen")
def page_of_500(at: Surroundings) -> str:
    used = at.raw(f"SELECT [{ID}] FROM [{at.settings.business_entity_type}]", limit=500).get("limit")
    require(used in (None, 500), f"a limit of 500 becomes {used}")
    return f"limit in the answer: {used}"


@fact("IN with a list of values works", "vendor; unconfirmed on a live console")
def in_operator(at: Surroundings) -> str:
    kind = at.settings.business_entity_type
    ids = [str(row[ID]) for row in at.some(kind)]
    literals = ", ".join(f"'{object_id}'" for object_id in ids)
    try:
        rows = at.raw(f"SELECT [{ID}] FROM [{kind}] WHERE [{ID}] IN ({literals})")["rows"]
    except RefusedError as refusal:
        raise Differs(f"refused, the client falls back to OR: {refusal}") from None
    require(len(rows) == len(ids), f"{len(ids)} ids gave {len(rows)} rows")
    return f"{len(ids)} ids gave {len(rows)} rows"


@fact("the client finds objects by a list of ids, with IN or without", "vendor")
def lookup_by_list(at: Surroundings) -> str:
    kind = at.settings.business_entity_type
    ids = tuple(str(row[ID]) for row in at.some(kind))
    found = {str(row[ID]) for row in at.client.select(Query(columns(ID), kind, where=In(Column(ID), ids)))}
    require(found == set(ids), f"{len(ids)} ids gave {len(found)} objects")
    return f"{len(found)} objects"


@fact("a quote in a text is written twice, and comparisons are case-sensitive", "vendor; case chosen")
def quoting(at: Surroundings) -> str:
    kind = at.settings.business_entity_type
    hostile = "it's' OR [Name] <> '"
    rows = list(at.client.select(Query(columns(ID), kind, where=Compare(Column(NAME), "=", hostile))))
    require(rows == [], f"a hostile text matched {len(rows)} objects")
    name = next((str(row[NAME]) for row in at.some(kind, limit=50) if str(row[NAME]).swapcase() != row[NAME]), None)
    if name is None:
        return "nothing matched; there is no name with letters to try case on"
    other = list(at.client.select(Query(columns(ID), kind, where=Compare(Column(NAME), "=", name.swapcase()))))
    require(other == [], "a name in another case matches, too")
    return "nothing matched, nor did a name in another case"


@fact("LIKE with %, IS NULL, AND, DATE literals and ORDER BY are understood", "vendor")
def conditions(at: Surroundings) -> str:
    kind = at.settings.business_entity_type
    at.some(kind, limit=1)
    where = And(
        (
            Like(Column(NAME), "%"),
            IsNull(Column(NAME), negated=True),
            Compare(Column("Creation Date"), ">", Date("1990-01-01")),
        )
    )
    rows = list(at.client.select(Query(columns(ID), kind, where=where, order_by=(Order(Column(NAME), True),))))
    require(bool(rows), "no business entity meets conditions that each meets")
    return f"{len(rows)} objects"


@fact("a field without a value is left out of a row or null, and values of enumerations are objects or names", "chosen")
def cells(at: Surroundings) -> str:
    kind = at.settings.model_type
    at.some(kind, STATUS, limit=1)
    answer = at.raw(f"SELECT [{STATUS}], [{OWNER}], [Last Modification Date] FROM [{kind}]", limit=50)
    shapes = sorted({shape_of(cell) for row in answer["rows"] for cell in row["fields"][:1]})
    empties = sorted({shape_of(cell) for row in answer["rows"] for cell in row["fields"][1:2]})
    list(at.client.select(Query(columns(ID, STATUS, OWNER), kind)))
    return f"enumeration: {', '.join(shapes)}; owner: {', '.join(empties)}"


def shape_of(cell: Mapping[str, Any]) -> str:
    """Return what a cell looks like, without its value."""
    if "value" not in cell:
        return "no value key"
    value = cell["value"]
    return f"object with {', '.join(sorted(value))}" if isinstance(value, dict) else type(value).__name__


@fact("the name in a row has no .txt, and GET contents has the name without and the path with it", "recorded")
def extensions(at: Surroundings) -> str:
    row = at.some(at.settings.business_entity_type, limit=1)[0]
    data = at.client.transport.request("GET", f"contents/{row[ID]}", "GET contents")
    require(isinstance(data, dict), "the answer is not a JSON object")
    found = data if isinstance(data, dict) else {}
    require(found.get("name") == row[NAME], f"name {found.get('name')!r}, in the row {row[NAME]!r}")
    at.client.get_object(str(row[ID]))
    return f"path ends in .txt: {str(found.get('path', '')).endswith('.txt')}; id is {type(found.get('id')).__name__}"


@fact("a business entity at the root has no primary_parent_id and no business entity among its parents", "chosen")
def root_entities(at: Surroundings) -> str:
    kind = at.settings.business_entity_type
    roots, below = 0, 0
    for row in at.some(kind, limit=10):
        found = at.client.get_object(str(row[ID]))
        if found is None:
            continue
        parents = [parent for parent in at.client.parents(found.id) if parent.type_name == kind]
        require(bool(parents) or found.primary_parent_id is None, "a primary parent that is not among the parents")
        roots, below = roots + (not parents), below + bool(parents)
    return f"{roots} at the root, {below} below others"


@fact("GET associations with association_type=child gives ids and types of the children", "third party")
def children(at: Surroundings) -> str:
    kinds: set[str] = set()
    for row in at.some(at.settings.business_entity_type, limit=10):
        kinds |= {child.type_name for child in at.client.children(str(row[ID]))}
    return f"types seen: {', '.join(sorted(kinds)) or 'none'}"


@fact("FROM [A] JOIN [B] ON CHILD([A]) joins each A with the B that it is a child of", "third party; IBM prose differs")
def join_orientation(at: Surroundings) -> str:
    kind, entity = at.settings.use_case_type, at.settings.business_entity_type
    at.some(kind, limit=1)
    pair = (Column(ID, kind), Column(ID, entity))
    rows = list(at.client.select(Query(pair, kind, (Join(entity, "CHILD", kind),))))[:3]
    require(bool(rows), "the join gives no rows, though there are use cases")
    for row in rows:
        parents = {parent.id for parent in at.client.parents(str(row[f"{kind}.{ID}"]))}
        require(str(row[f"{entity}.{ID}"]) in parents, "the joined entity is not a parent of the use case")
    return f"{len(rows)} pairs are child and parent"


@fact("GET permissions/effective tells what the login may do with an object", "vendor")
def permissions(at: Surroundings) -> str:
    row = at.some(at.settings.business_entity_type, limit=1)[0]
    try:
        seen = at.client.permissions(str(row[ID]))
    except RefusedError as refusal:
        raise Differs(f"refused: {refusal}") from None
    return f"may not: {', '.join(seen.lacking('read', 'write', 'delete', 'associate')) or 'nothing'}"


@fact("a user is found over SCIM by user name, and one who is not there is not found", "vendor")
def users(at: Surroundings) -> str:
    require(at.client.find_user("no.such.user.at.all") is None, "a user was found that cannot be there")
    require(at.client.find_user("no.such.user@example.invalid") is None, "an address was found that cannot be there")
    if not at.user:
        raise NothingToTry("Give the name of a user to look up.")
    found = at.client.find_user(at.user)
    require(found is not None, "the user that was given is not found")
    return f"active: {found is not None and found.active}; has addresses: {bool(found and found.emails)}"


READING = facts_in(globals())
