# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts that are tried by reading alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import RefusedError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import EXTENSION
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
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.sync_needs import DECOMMISSIONED
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.console_changes import MODIFIED, moment_of
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import UnreadableTimeError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import DESCRIPTION, MODEL_RULES

from .facts import ID, NAME, OWNER, STATUS, Differs, NothingToTry, Surroundings, fact, facts_in, require


@fact(
    "the login is accepted and GET types lists types with id, name and label",
    "recorded",
    "every name of a type is resolved by it, and the login is checked with it; nothing works otherwise",
)
def types(at: Surroundings) -> str:
    known = at.client.types().types
    require(len(known) > 5, f"there are only {len(known)} types")
    return f"{len(known)} types"


@fact(
    "business entities, use cases and models have the system names SOXBusEntity, Register and Model",
    "recorded",
    "defaults of sync_business_entity_type, sync_use_case_type and sync_model_type; they can be set",
)
def type_names(at: Surroundings) -> str:
    schema = at.client.types()
    names = (at.settings.business_entity_type, at.settings.use_case_type, at.settings.model_type)
    return ", ".join(f"{schema.by_name(name).name} = {schema.by_name(name).label}" for name in names)


@fact(
    'there is a type labelled "Model Group"',
    "vendor; its system name is chosen",
    "the type of model groups is found by this label; sync_model_group_type names another",
)
def model_group_type(at: Surroundings) -> str:
    return f"its system name is {at.group_type()}"


@fact(
    "GET types/NAME gives the fields with data type, and the values of enumerations",
    "recorded",
    "fields are written by the ids in it, and values that a status does not have are told before anything is written",
)
def type_definition(at: Surroundings) -> str:
    definition = at.client.type_definition(at.settings.model_type)
    values = definition.field(STATUS).enum_values
    require(DECOMMISSIONED in values, f"{STATUS} has no value {DECOMMISSIONED}, but {', '.join(values)}")
    return f"{len(definition.fields)} fields; {STATUS}: {', '.join(values)}"


@fact(
    "models and model groups have text fields for the ARN and for what was last agreed",
    "recorded for models",
    "the ARN and the state are kept there; sync_arn_field and sync_state_field name others",
)
def sync_fields(at: Surroundings) -> str:
    seen = []
    for type_name in (at.settings.model_type, at.group_type()):
        definition = at.client.type_definition(type_name)
        for name in (at.settings.arn_field, at.settings.state_field):
            found = definition.field(name)
            require("STRING" in found.data_type and not found.read_only, f"{type_name}: {name} is {found.data_type}")
            seen.append(f"{type_name}: {name} is {found.data_type}")
    return "; ".join(seen)


@fact(
    "the fields that the mapping writes exist under the names that were recorded",
    "recorded",
    "each is a row of the mapping; one that is not there is left out and named in the notes of a run",
)
def mapped_fields(at: Surroundings) -> str:
    definition = at.client.type_definition(at.settings.model_type)
    mapped = [rule.field for rule in MODEL_RULES if rule.field != DESCRIPTION]
    missing = [name for name in mapped if name not in definition.fields]
    require(not missing, f"{definition.name} lacks {', '.join(missing)}")
    return f"all {len(mapped)} are there"


@fact(
    "an unknown type answers 404",
    "chosen",
    "a wrong name in an option is told as such, and not as a console that is out of order",
)
def unknown_type(at: Surroundings) -> str:
    try:
        at.client.transport.request("GET", "types/NoSuchTypeAtAll", "GET types")
    except RefusedError as refusal:
        require(refusal.status == 404, f"it answers {refusal.status}: {refusal}")
        return str(refusal)
    raise Differs("it answers with success")


@fact(
    "an object that is not there answers 404",
    "vendor",
    "a business entity or object that is gone is told from a console that is out of order",
)
def unknown_object(at: Surroundings) -> str:
    found = at.client.get_object("999999999999")
    require(found is None, "there is an object of the id 999999999999")
    return "404"


@fact(
    "POST query takes statement, offset and limit and answers with rows, their cells in the order of the columns",
    "vendor",
    "every search; the client reads cells by position and needs nothing but rows of an answer",
)
def query(at: Surroundings) -> str:
    kind = at.settings.business_entity_type
    answer = at.raw(f"SELECT [{ID}], [{NAME}] FROM [{kind}] ORDER BY [{ID}] ASC")
    require("rows" in answer, f"the answer has {', '.join(answer)}")
    turned = at.raw(f"SELECT [{NAME}], [{ID}] FROM [{kind}] ORDER BY [{ID}] ASC")
    pairs = [[cell["value"] for cell in row["fields"]] for row in answer["rows"]]
    require(all(len(pair) == 2 for pair in pairs), "a row has more or fewer cells than columns were asked for")
    turned_pairs = [[cell["value"] for cell in row["fields"]] for row in turned["rows"]]
    require(pairs == [pair[::-1] for pair in turned_pairs], "the cells of a row are not in the order of the columns")
    missing = [key for key in ("definitions", "offset", "limit") if key not in answer]
    superfluous = f"; not there, and not needed: {', '.join(missing)}" if missing else ""
    rows = f"{len(pairs)} rows in the order of the columns" if pairs else "no rows, so the order of cells was not seen"
    return f"keys: {', '.join(sorted(answer))}; {rows}{superfluous}"


@fact(
    "a LIMIT in the statement is ignored or refused, only the request's limit counts",
    "vendor",
    "the client never writes LIMIT: it pages by the request, which is only needed because of this",
)
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


@fact(
    "a page that is not the last has next, and the pages together have every object once",
    "third party",
    "every list longer than a page: the inventory of a full comparison above all. Objects that are left out "
    "would be made twice",
)
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


@fact(
    "limits up to 500 are honoured",
    "chosen",
    "the number of queries of an inventory; console_page_limit is for a console that refuses 500",
)
def page_of_500(at: Surroundings) -> str:
    used = at.raw(f"SELECT [{ID}] FROM [{at.settings.business_entity_type}]", limit=500).get("limit")
    require(used in (None, 500), f"a limit of 500 becomes {used}")
    return f"limit in the answer: {used}"


@fact(
    "IN with a list of values works",
    "vendor; unconfirmed on a live console",
    "fewer and shorter statements; the client does without where it is refused, and console_in_operator "
    "spares the attempt",
)
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


@fact(
    "the client finds objects by a list of ids, with IN or without",
    "vendor",
    "the records of up to 50 objects are read in one query; console_in_list_size",
)
def lookup_by_list(at: Surroundings) -> str:
    kind = at.settings.business_entity_type
    ids = tuple(str(row[ID]) for row in at.some(kind))
    found = {str(row[ID]) for row in at.client.select(Query(columns(ID), kind, where=In(Column(ID), ids)))}
    require(found == set(ids), f"{len(ids)} ids gave {len(found)} objects")
    return f"{len(found)} objects"


@fact(
    "a quote in a text is written twice, and comparisons are case-sensitive",
    "vendor; case chosen",
    "no name that somebody gave to a model can become a part of a statement; names that differ in case are two names",
)
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


@fact(
    "LIKE with %, IS NULL, AND, DATE literals and ORDER BY are understood",
    "vendor",
    "the inventory (LIKE), the polling of the console (dates), lists in a fixed order",
)
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


@fact(
    "a cell without a value has no value key, null or an empty text; one of an enumeration is an object with a name, "
    "or the name; one of a time is ISO 8601",
    "chosen",
    "values of rows are compared with the registry: a shape that is not known is an error, for it must not "
    'count as "no value". The time of change is what the polling goes by',
)
def cells(at: Surroundings) -> str:
    kind = at.settings.model_type
    at.some(kind, limit=1)
    answer = at.raw(f"SELECT [{STATUS}], [{OWNER}], [{MODIFIED}] FROM [{kind}]", limit=50)
    cells_of = [row["fields"] for row in answer["rows"]]
    statuses, owners, times = ([cells[place] for cells in cells_of] for place in range(3))
    strange = [shape for shape in map(shape_of, statuses) if shape not in NO_VALUE and not is_enumeration(shape)]
    require(not strange, f"{STATUS} is {', '.join(sorted(set(strange)))}")
    strange = [shape for shape in map(shape_of, owners) if shape not in (*NO_VALUE, "str")]
    require(not strange, f"{OWNER} is {', '.join(sorted(set(strange)))}")
    try:
        for cell in times:
            moment_of({MODIFIED: cell.get("value")})
    except UnreadableTimeError as error:
        raise Differs(str(error)) from None
    rows = list(at.client.select(Query(columns(ID, STATUS, OWNER), kind)))
    statuses_seen = sorted({str(row[STATUS]) for row in rows if STATUS in row})
    require(bool(statuses_seen) or not any(is_enumeration(shape_of(cell)) for cell in statuses), "statuses get lost")
    seen = ", ".join(sorted(set(map(shape_of, statuses))))
    return f"enumeration: {seen}; owner: {', '.join(sorted(set(map(shape_of, owners))))}; time: {times[0]['value']}"


NO_VALUE = ("no value key", "NoneType", "empty text")


def is_enumeration(shape: str) -> bool:
    """Whether the client reads a value of this shape as that of an enumeration."""
    return shape == "str" or (shape.startswith("object with ") and "name" in shape.split(" with ")[1].split(", "))


def shape_of(cell: Mapping[str, Any]) -> str:
    """Return what a cell looks like, without its value."""
    if "value" not in cell:
        return "no value key"
    value = cell["value"]
    if value == "":
        return "empty text"
    return f"object with {', '.join(sorted(value))}" if isinstance(value, dict) else type(value).__name__


@fact(
    "LIKE on [Location] finds what hangs under a business entity",
    "the field is recorded; in WHERE it is chosen",
    "the inventory finds by it what was made by hand under a name that a creation must not take (decision 0002)",
)
def location(at: Surroundings) -> str:
    kind = at.settings.use_case_type
    wanted = {}
    for row in at.some(kind, "Location"):
        folders = str(row.get("Location", "")).split("/")[:-1]
        require(len(folders) > 1, f"the location of a {kind} has no folders: {row.get('Location')!r}")
        wanted[str(row[ID])] = folders[-1]
    for object_id, folder in wanted.items():
        hits = at.client.select(Query(columns(ID), kind, where=Like(Column("Location"), f"%/{folder}/%")))
        require(
            object_id in {str(hit[ID]) for hit in hits}, "an object is not found by the last folder of its location"
        )
    return f"{len(wanted)} found by the folder that they are in"


@fact(
    "the name in a row has no .txt, and GET contents has the name without and the path with it",
    "recorded",
    "objects are looked up by the name that a row has, before one is created under that name; a path loses its .txt",
)
def extensions(at: Surroundings) -> str:
    row = at.some(at.settings.business_entity_type, limit=1)[0]
    data = at.client.transport.request("GET", f"contents/{row[ID]}", "GET contents")
    require(isinstance(data, dict), "the answer is not a JSON object")
    found = data if isinstance(data, dict) else {}
    require(found.get("name") == row[NAME], f"name {found.get('name')!r}, in the row {row[NAME]!r}")
    require(not str(row[NAME]).endswith(EXTENSION), f"the name in the row is {row[NAME]!r}")
    by_name = Query(columns(ID), at.settings.business_entity_type, where=Compare(Column(NAME), "=", str(row[NAME])))
    ids = {str(hit[ID]) for hit in at.client.select(by_name)}
    require(str(row[ID]) in ids, "a query by the name in the row does not find the object")
    read = at.client.get_object(str(row[ID]))
    require(read is not None and bool(read.location), "GET contents has no path")
    return (
        f"path ends in .txt: {str(found.get('path', '')).endswith(EXTENSION)}; id is {type(found.get('id')).__name__}"
    )


@fact(
    "a business entity at the root has no primary_parent_id and no business entity among its parents",
    "chosen",
    "a connection is only made to an entity at the root",
)
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


@fact(
    "GET associations with association_type=child gives ids and types of the children",
    "third party",
    "approved use cases under a child of the business entity are found and named; business_entity with "
    "state=absent leaves alone what is not empty",
)
def children(at: Surroundings) -> str:
    kinds: set[str] = set()
    for row in at.some(at.settings.business_entity_type, limit=10):
        below = at.client.children(str(row[ID]))
        kinds |= {child.type_name for child in below}
        for child in below[:1]:
            parents = {parent.id for parent in at.client.parents(child.id)}
            require(str(row[ID]) in parents, f"a {child.type_name} among the children has another parent")
    if not kinds:
        raise NothingToTry("No business entity has a child.")
    known = set(at.client.types().types)
    require(kinds <= known, f"children have types that GET types does not list: {', '.join(sorted(kinds - known))}")
    return f"types seen: {', '.join(sorted(kinds))}; each names the entity among its parents"


@fact(
    "FROM [A] JOIN [B] ON CHILD([A]) joins each A with the B that it is a child of",
    "third party; IBM prose differs",
    "use cases of an entity, and model groups of a use case; the other way round none would be found",
)
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


@fact(
    "GET permissions/effective tells what the login may do with an object",
    "vendor",
    "governance_connection refuses a login that may not write, before the first synchronisation fails; a 404 "
    'is taken for "does not tell"',
)
def permissions(at: Surroundings) -> str:
    row = at.some(at.settings.business_entity_type, limit=1)[0]
    try:
        seen = at.client.permissions(str(row[ID]))
    except RefusedError as refusal:
        raise Differs(f"refused: {refusal}") from None
    return f"may not: {', '.join(seen.lacking('read', 'write', 'delete', 'associate')) or 'nothing'}"


@fact(
    "a user is found over SCIM by user name, and one who is not there is not found",
    "vendor",
    "the owner of a model, and the check of default_user",
)
def users(at: Surroundings) -> str:
    require(at.client.find_user("no.such.user.at.all") is None, "a user was found that cannot be there")
    require(at.client.find_user("no.such.user@example.invalid") is None, "an address was found that cannot be there")
    if not at.user:
        raise NothingToTry("Give the name of a user to look up.")
    found = at.client.find_user(at.user)
    require(found is not None, "the user that was given is not found")
    return f"active: {found is not None and found.active}; has addresses: {bool(found and found.emails)}"


READING = facts_in(globals())
