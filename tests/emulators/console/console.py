# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console itself: everything the API works on, and one method an API call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import clock as clock_text
from . import query
from .associations import Associations
from .clock import Clock
from .contents import Contents
from .errors import ApiError
from .instance import Instance, ObjectType
from .logins import Account, Logins
from .query import QueryEndpoint
from .store import Store
from .switches import Switches
from .users import User, Users
from .web import Answer, Request, json_answer
from .workflows import Workflows


class Console:
    """A console with its default user and nothing else. Thread-safe through the store's transactions."""

    def __init__(self, seed: int, account: Account, clock: Clock, switches: Switches) -> None:
        self.clock = clock
        self.account = account
        self.seed = seed
        self.switches = switches
        self.instance = Instance(seed, switches.model_group_type)
        self.users = Users(self.instance.first_user_id)
        self.users.add("OpenPagesAdministrator", "administrator@example.com")
        self.users.add(account.user_name, f"{account.user_name}@example.com")
        self.logins = Logins(account, self.users, clock)
        self.store = Store(self.instance)
        self.associations = Associations(self.store, self.instance.all_types)
        self.contents = Contents(self.store, self.associations, self.users)
        self.workflows = Workflows(self.store)
        self.queries = QueryEndpoint(self.store)

    def switch(self, values: Mapping[str, Any]) -> None:
        """Change switches. Raises ApiError (400), also for another model group type once there are objects of it."""
        switches = self.switches.changed(values)
        if switches.model_group_type != self.switches.model_group_type:
            with self.store.transaction():
                if self.store.rows("SELECT 1 FROM directory WHERE type = 'ModelGroup' LIMIT 1"):
                    raise ApiError(400, "There are model groups already: reset before you change their type")
            self.instance = Instance(self.seed, switches.model_group_type)
        self.switches = switches

    def now(self) -> str:
        """Return the time as answers show it."""
        return clock_text.to_text(self.clock.now())

    # ---- types -----------------------------------------------------------------------------------------------------

    def types(self, request: Request) -> Answer:
        """GET /types?include_field_definitions=&include_association="""
        return json_answer({"types": [self._type(found, request.arguments) for found in self.instance]})

    def type(self, request: Request, id_or_name: str) -> Answer:
        """GET /types/{id or name}."""
        found = self._find_type(id_or_name)
        return json_answer(self._type(found, {"include_field_definitions": "true", **request.arguments}))

    def type_associations(self, request: Request, id_or_name: str) -> Answer:
        """GET /types/{id or name}/associations."""
        return json_answer({"associations": self._relations(self._find_type(id_or_name))})

    def _find_type(self, id_or_name: str) -> ObjectType:
        found = self.instance.find(id_or_name)
        if found is None:
            raise ApiError(404, f"There is no object type {id_or_name[:100]!r}")
        return found

    def _type(self, object_type: ObjectType, arguments: Mapping[str, str]) -> dict[str, Any]:
        label = object_type.spec.label
        answer: dict[str, Any] = {
            "id": object_type.id,
            "name": object_type.name,
            "localized_label": label,
            "description": label,
        }
        if arguments.get("include_field_definitions", "false").lower() == "true":
            answer["field_definitions"] = [field.as_json() for field in object_type.fields.values()]
        if arguments.get("include_association", "false").lower() == "true":
            answer["associations"] = self._relations(object_type)
        return answer

    def _relations(self, object_type: ObjectType) -> list[dict[str, Any]]:
        related = [("Parent", other) for other in self.instance if other.key in object_type.spec.parents]
        related += [("Child", other) for other in self.instance if object_type.key in other.spec.parents]
        return [
            {"name": other.name, "localized_label": other.spec.label, "is_enabled": True, "relationship": relationship}
            for relationship, other in related
        ]

    # ---- contents --------------------------------------------------------------------------------------------------

    def create(self, request: Request) -> Answer:
        """POST /contents: 201 with the object, new or not."""
        user = self._writer(request)
        body = request.json()
        with self.store.transaction():
            now = self.now()
            stored, is_new = self.contents.create(body, self.instance, self.switches, user, now)
            if is_new and self.switches.workflows:
                self.workflows.started(stored, user, now)
            return json_answer(self.contents.as_json(stored, self.instance), 201)

    def get(self, request: Request, id_or_path: str) -> Answer:
        """GET /contents/{id or URL-encoded path}."""
        with self.store.transaction():
            return json_answer(self.contents.as_json(self.contents.find(id_or_path), self.instance))

    def update(self, request: Request, object_id: str) -> Answer:
        """PUT /contents/{id}."""
        user = self._writer(request)
        body = request.json()
        with self.store.transaction():
            old = self.contents.find(object_id)
            changed = self.contents.update(old, body, self.instance, self.switches, user, self.now())
            return json_answer(self.contents.as_json(changed, self.instance))

    def delete(self, request: Request, object_id: str) -> Answer:
        """DELETE /contents/{id}."""
        self._writer(request)
        with self.store.transaction():
            self.contents.delete(self.contents.find(object_id))
        return Answer(self.switches.delete_status)

    def permissions(self, request: Request, object_id: str) -> Answer:
        """GET /contents/{id}/permissions/effective."""
        user = self.logins.user_of(request)
        allowed = self.switches.can_write
        with self.store.transaction():
            found = self.contents.as_json(self.contents.find(object_id), self.instance)
        return json_answer(
            {
                "folder_id": found["parent_folder_id"],
                "security_principal": user.user_name,
                "can_read": True,
                "can_write": allowed,
                "can_delete": allowed,
                "can_associate": allowed,
            }
        )

    def _writer(self, request: Request) -> User:
        if not self.switches.can_write:
            raise ApiError(403, "The user may not change objects")
        return self.logins.user_of(request)

    # ---- associations ----------------------------------------------------------------------------------------------

    def associated(self, request: Request, object_id: str) -> Answer:
        """GET /contents/{id}/associations[?association_type=parent|child]."""
        with self.store.transaction():
            found = self.contents.find(object_id)
            kind = request.arguments.get("association_type")
            return json_answer(self.associations.listed(found.id, kind, self.instance))

    def associate(self, request: Request, object_id: str) -> Answer:
        """POST /contents/{id}/associations: no body."""
        self._writer(request)
        body = request.json()
        with self.store.transaction():
            self.associations.add(self.contents.find(object_id).id, body, self.instance)
        return Answer(self.switches.association_status)

    def dissociate(self, request: Request, object_id: str) -> Answer:
        """DELETE /contents/{id}/associations?parents=1,2&children=3: no body."""
        self._writer(request)
        with self.store.transaction():
            parents, children = (
                [text for text in request.arguments.get(name, "").split(",") if text]
                for name in ("parents", "children")
            )
            self.associations.remove(self.contents.find(object_id).id, parents, children)
        return Answer(self.switches.association_status)

    # ---- query, users, workflows -----------------------------------------------------------------------------------

    def query_post(self, request: Request) -> Answer:
        """POST /query."""
        return self._query(request, request.json(), "")

    def query_get(self, request: Request) -> Answer:
        """GET /query?q=…"""
        return self._query(request, query.from_arguments(request.arguments), query.next_arguments(request.arguments))

    def _query(self, request: Request, body: Mapping[str, Any], arguments: str) -> Answer:
        address = f"{request.base_url}/{request.path.rstrip('/')}?{arguments}"
        return json_answer(self.queries.run(body, self.instance, self.switches, address))

    def scim_users(self, request: Request) -> Answer:
        """GET /scim/Users[?filter=…]."""
        return json_answer(self.users.search(request.arguments))

    def scim_user(self, request: Request, user_id: str) -> Answer:
        """GET /scim/Users/{id}."""
        return json_answer(self.users.by_id(user_id))

    def workflow_definitions(self, request: Request) -> Answer:
        """GET /workflows/definitions[?object_type=…]."""
        return json_answer(self.workflows.definitions(request.arguments.get("object_type"), self.instance))

    def workflow_definition(self, request: Request, workflow_id: str) -> Answer:
        """GET /workflows/definitions/{id}."""
        return json_answer(self.workflows.definition(workflow_id, self.instance))

    def workflow_search(self, request: Request) -> Answer:
        """GET /workflows/instances/search."""
        with self.store.transaction():
            return json_answer(self.workflows.search(request.arguments, self.instance))

    def workflow_transition(self, request: Request, instance_id: str, name: str) -> Answer:
        """POST /workflows/instances/{id}/transition/{name}: the next stage, and the fields that it sets."""
        user = self._writer(request)
        with self.store.transaction():
            object_id, transition = self.workflows.transition(instance_id, name)
            stored = self.contents.get(str(object_id))
            stored.fields.update(dict(transition.sets))
            stored.modified, stored.modified_by = self.now(), user.id
            self.store.update(stored)
        return json_answer({"id": instance_id, "status": transition.target})
