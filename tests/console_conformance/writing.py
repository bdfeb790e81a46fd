# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts whose try writes: all of it on objects of the run's own."""

from __future__ import annotations

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import RefusedError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import (
    ConsoleObject,
    NewObject,
    ObjectChange,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.query import Column, Compare, Join, Query, columns
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.sync_needs import DECOMMISSIONED

from .facts import ID, OWNER, STATUS, Differs, Surroundings, fact, facts_in, require


@fact(
    "POST contents without primary parent makes a root object and answers with it",
    "recorded",
    "every new model, model group and metric",
    writes=True,
)
def create(at: Surroundings) -> str:
    entity = at.root()
    require(entity.name == f"{at.mark} entity", f"its name became {entity.name!r}")
    require(entity.primary_parent_id is None, "it has a primary parent")
    require(entity.description == "conformance", f"its description became {entity.description!r}")
    return f"location {entity.location.replace(at.mark, 'MARK')}"


@fact(
    "fields of all kinds are kept as written, and read the same by GET and by query",
    "recorded",
    "what was written is found in step by the next run; else it would be written again each time",
    writes=True,
)
def fields(at: Surroundings) -> str:
    model = some_model(at)
    read = at.client.get_object(model.id)
    require(read is not None, "it cannot be read back")
    arn = f"arn:aws:sagemaker:us-east-1:111122223333:model-package/{at.mark.lower()}/1"
    wanted = {STATUS: DECOMMISSIONED, at.settings.arn_field: arn}
    change = ObjectChange(model.type_name, model.name, model.title, model.description, wanted)
    changed = at.client.update_object(model.id, change)
    where = Compare(Column(at.settings.arn_field), "=", arn)
    rows = list(at.client.select(Query(columns(ID, STATUS), model.type_name, where=where)))
    require({name: changed.fields.get(name) for name in wanted} == wanted, "the answer of PUT has other values")
    require([str(row[ID]) for row in rows] == [model.id], f"a query by the ARN gives {len(rows)} objects")
    require(rows[0].get(STATUS) == DECOMMISSIONED, f"the query's status is {rows[0].get(STATUS)!r}")
    return "written, read and found by ARN"


@fact(
    "PUT keeps the fields that it does not name",
    "recorded",
    "fields that are not mapped, and edits of people in them, survive a change",
    writes=True,
)
def partial_update(at: Surroundings) -> str:
    model = some_model(at)
    details = "MRG-UserFact-Model:Additional Details"
    head = (model.type_name, model.name, model.title, model.description)
    at.client.update_object(model.id, ObjectChange(*head, {details: "kept"}))
    after = at.client.update_object(model.id, ObjectChange(*head, {OWNER: ""}))
    require(after.fields.get(details) == "kept", f"{details} became {after.fields.get(details)!r}")
    return "kept"


@fact(
    "null clears a field",
    "chosen",
    "a value that goes in the registry goes in the console; console_empty_value",
    writes=True,
)
def clearing(at: Surroundings) -> str:
    model = some_model(at)
    details = "MRG-UserFact-Model:Additional Details"
    head = (model.type_name, model.name, model.title, model.description)
    at.client.update_object(model.id, ObjectChange(*head, {details: "text"}))
    after = at.client.update_object(model.id, ObjectChange(*head, {details: None}))
    require(details not in after.fields, f"it is {after.fields.get(details)!r}: set console_empty_value to empty_text")
    return "cleared"


@fact(
    "PUT without description clears the description (so the client always sends it)",
    "inferred",
    "the client sends name, title and description with each change; where they are kept that is superfluous "
    "and does no harm",
    writes=True,
)
def description_left_out(at: Surroundings) -> str:
    model = some_model(at)
    body = {"type_definition_id": at.client.type_definition(model.type_name).id, "name": model.name}
    at.client.transport.request("PUT", f"contents/{model.id}", "PUT contents", body=body)
    after = at.client.get_object(model.id)
    kept = after is not None and after.description == "conformance"
    head = (model.type_name, model.name, model.title, "conformance")
    at.client.update_object(model.id, ObjectChange(*head))
    require(not kept, "it is kept")
    return "cleared"


@fact(
    "POST of a name that the parent has already answers with the old object or refuses",
    "recorded once",
    "two agents, or a creation whose answer was lost, make one object: the client looks for the name first "
    "and compares ids afterwards",
    writes=True,
)
def existing_name(at: Surroundings) -> str:
    entity = at.root()
    try:
        again = at.client.create_object(NewObject(entity.type_name, entity.name, entity.name, "conformance"))
    except RefusedError as refusal:
        return f"refused: {refusal}"
    if again.id != entity.id:
        at.made.append(again)
        raise Differs("it makes a second object of that name")
    return "the old object"


@fact(
    "a new model has the status Proposed",
    "recorded",
    "the status of a new model is compared with the life cycle from then on",
    writes=True,
)
def defaults(at: Surroundings) -> str:
    model = at.make(at.settings.model_type, "defaults", at.root())
    require(model.fields.get(STATUS) == "Proposed", f"it has {model.fields.get(STATUS)!r}")
    return f"fields set by the console: {', '.join(sorted(model.fields))}"


@fact(
    "associations are made and unmade, and any parent counts in a join",
    "vendor",
    "links of model groups to use cases (model_group_link, approved use cases)",
    writes=True,
)
def associations(at: Surroundings) -> str:
    entity = at.root()
    case = at.make(at.settings.use_case_type, "use case", entity)
    group = at.make(at.group_type(), "group", entity)
    at.client.associate(group.id, parents=[case.id])
    at.client.associate(group.id, parents=[case.id])
    require(case.id in {parent.id for parent in at.client.parents(group.id)}, "the parent is not there afterwards")
    kind = at.settings.use_case_type
    pair = (Column(ID, group.type_name), Column(ID, kind))
    joined = Query(
        pair, group.type_name, (Join(kind, "CHILD", group.type_name),), Compare(Column(ID, kind), "=", case.id)
    )
    rows = list(at.client.select(joined))
    require([str(row[f"{group.type_name}.{ID}"]) for row in rows] == [group.id], f"the join gives {len(rows)} rows")
    at.client.dissociate(group.id, parents=[case.id])
    at.client.dissociate(group.id, parents=[case.id])
    require(case.id not in {parent.id for parent in at.client.parents(group.id)}, "the parent is still there")
    return "made and unmade, twice each"


@fact(
    "PUT with primary_parent_id moves an object",
    "vendor",
    "model_group_link makes the use case the primary parent",
    writes=True,
)
def moving(at: Surroundings) -> str:
    entity = at.root()
    case = at.make(at.settings.use_case_type, "second use case", entity)
    group = at.make(at.group_type(), "moving group", entity)
    head = (group.type_name, group.name, group.title, group.description)
    moved = at.client.update_object(group.id, ObjectChange(*head, {}, case.id))
    require(moved.primary_parent_id == case.id, f"its primary parent is {moved.primary_parent_id}")
    former = entity.id in {parent.id for parent in at.client.parents(group.id)}
    at.client.update_object(group.id, ObjectChange(*head, {}, entity.id))
    return f"moved; the former primary parent stays a parent: {former}"


@fact(
    "a business entity that holds something cannot be deleted",
    "chosen",
    "business_entity with state=absent looks first whether it is empty, and this is the net below",
    writes=True,
)
def deletion_of_a_full_entity(at: Surroundings) -> str:
    entity = at.make(at.settings.business_entity_type, "full entity", None)
    at.make(at.settings.use_case_type, "in it", entity)
    try:
        at.client.delete_object(entity.id)
    except RefusedError as refusal:
        return f"refused: {refusal}"
    raise Differs("it was deleted")


def some_model(at: Surroundings) -> ConsoleObject:
    """Return a model of this run."""
    kind = at.settings.model_type
    found = next((made for made in at.made if made.type_name == kind and made.name == f"{at.mark} model"), None)
    return found or at.make(kind, "model", at.root(), **{OWNER: at.user or None})


WRITING = facts_in(globals())
