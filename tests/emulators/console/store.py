# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console's database: SQLite in memory, one table an object type, one for the associations.

One connection, one lock: a request holds the lock for its whole transaction, as if requests came one by one.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from . import catalogue
from .instance import SYSTEM_COLUMNS, Field, Instance, ObjectType

Scalar = str | int | float | None
Value = str | int | float | tuple[str, ...] | None

# An index for every field would slow creation down tenfold: only fields that a query compares get one, then and there.
_SYSTEM = """
    id INTEGER PRIMARY KEY, name TEXT, title TEXT, description TEXT, comment TEXT, location TEXT,
    created TEXT, created_by INTEGER, modified TEXT, modified_by INTEGER, primary_parent INTEGER
"""
_SCHEMA = """
CREATE TABLE directory (id INTEGER PRIMARY KEY, type TEXT NOT NULL, path TEXT NOT NULL);
CREATE INDEX directory_path ON directory (path);
CREATE TABLE association (
    parent INTEGER NOT NULL, child INTEGER NOT NULL, is_primary INTEGER NOT NULL, PRIMARY KEY (parent, child)
) WITHOUT ROWID;
CREATE INDEX association_child ON association (child, parent);
CREATE TABLE workflow (
    id INTEGER PRIMARY KEY, object INTEGER NOT NULL, type TEXT NOT NULL, definition TEXT NOT NULL,
    stage TEXT NOT NULL, assignee TEXT NOT NULL, started TEXT NOT NULL
);
"""
_SQL_TYPES = {catalogue.INTEGER: "INTEGER", catalogue.FLOAT: "REAL"}


@dataclass(slots=True)
class StoredObject:
    """An object as the database holds it. ``fields`` has the non-system fields that have a value, by name."""

    id: int
    type_key: str
    name: str
    title: str | None
    description: str | None
    comment: str | None
    location: str
    created: str
    created_by: int
    modified: str
    modified_by: int
    primary_parent: int | None
    fields: dict[str, Value] = field(default_factory=dict)


def table(type_key: str) -> str:
    """Return the name of a type's table."""
    return f"objects_{type_key}"


def encode(value: Value) -> Scalar:
    """Return a field value as SQLite stores it: several enumeration values are a JSON array."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else value


class Store:
    """The database of one emulator. Use its methods inside ``with store.transaction():``."""

    def __init__(self, instance: Instance) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._connection.executescript(_SCHEMA)
        self._custom = {object_type.key: custom_fields(object_type) for object_type in instance.all_types}
        self._indexed: set[tuple[str, str, bool]] = set()
        self._next_id = instance.first_object_id
        for object_type in instance.all_types:
            columns = "".join(f", {f.column} {_SQL_TYPES.get(f.data_type, 'TEXT')}" for f in custom_fields(object_type))
            self._connection.execute(f"CREATE TABLE {table(object_type.key)} ({_SYSTEM}{columns})")

    def close(self) -> None:
        """Free the database."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock; commit at the end, roll back when an exception leaves the block. May be nested."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, sql: str, parameters: Sequence[Scalar] = ()) -> list[tuple[Scalar, ...]]:
        """Run a SELECT."""
        return self._connection.execute(sql, parameters).fetchall()

    def execute(self, sql: str, parameters: Sequence[Scalar] = ()) -> int:
        """Run a statement that changes rows and return how many it changed."""
        return self._connection.execute(sql, parameters).rowcount

    def take_ids(self, count: int) -> range:
        """Return fresh object ids."""
        first = self._next_id
        self._next_id += count
        return range(first, first + count)

    def ensure_index(self, type_key: str, column: str, ignore_case: bool = False) -> None:
        """See to it that comparisons of a column need not read the whole table."""
        index = (type_key, column, ignore_case)
        if column != "id" and index not in self._indexed:
            name = f"by_{type_key}_{column}" + ("_any_case" if ignore_case else "")
            collation = " COLLATE NOCASE" if ignore_case else ""
            self.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table(type_key)} ({column}{collation})")
            self._indexed.add(index)

    def type_key(self, object_id: int) -> str | None:
        """Return the key of an object's type, or None if there is no such object."""
        found = self.rows("SELECT type FROM directory WHERE id = ?", (object_id,))
        return str(found[0][0]) if found else None

    def load(self, object_id: int) -> StoredObject | None:
        """Return an object."""
        key = self.type_key(object_id)
        if key is None:
            return None
        return next(iter(self.load_where(key, "id = ?", (object_id,))))

    def load_where(self, type_key: str, condition: str, parameters: Sequence[Scalar] = ()) -> list[StoredObject]:
        """Return the objects of a type that fulfil an SQL condition, oldest first."""
        custom = self._custom[type_key]
        columns = "".join(f", {f.column}" for f in custom)
        sql = (
            "SELECT id, name, title, description, comment, location, created, created_by, modified, modified_by,"
            f" primary_parent{columns} FROM {table(type_key)} WHERE {condition} ORDER BY id"
        )
        loaded = []
        for row in self._connection.execute(sql, parameters):
            fields = {
                f.name: tuple(json.loads(value)) if f.data_type == catalogue.MULTI else value
                for f, value in zip(custom, row[11:], strict=True)
                if value is not None
            }
            loaded.append(StoredObject(*(row[0], type_key, *row[1:11], fields)))
        return loaded

    def insert(self, objects: Iterable[StoredObject]) -> None:
        """Add new objects of one type, their paths and their primary parents."""
        batch = list(objects)
        if not batch:
            return
        type_key = batch[0].type_key
        named = {name for new in batch for name in new.fields}
        used = [f for f in self._custom[type_key] if f.name in named]
        columns = [
            "id, name, title, description, comment, location, created, created_by, modified, modified_by",
            "primary_parent",
            *(f.column for f in used),
        ]
        marks = ", ".join("?" * (11 + len(used)))
        self._connection.executemany(
            f"INSERT INTO {table(type_key)} ({', '.join(columns)}) VALUES ({marks})",
            [(*_system_values(new), *(encode(new.fields.get(f.name)) for f in used)) for new in batch],
        )
        self._connection.executemany(
            "INSERT INTO directory (id, type, path) VALUES (?, ?, ?)",
            [(new.id, new.type_key, new.location) for new in batch],
        )
        self._connection.executemany(
            "INSERT INTO association (parent, child, is_primary) VALUES (?, ?, 1)",
            [(new.primary_parent, new.id) for new in batch if new.primary_parent is not None],
        )

    def update(self, changed: StoredObject) -> None:
        """Write all columns of an object that is there. Associations stay as they are."""
        assignments = {
            "name": changed.name,
            "title": changed.title,
            "description": changed.description,
            "comment": changed.comment,
            "location": changed.location,
            "modified": changed.modified,
            "modified_by": changed.modified_by,
            "primary_parent": changed.primary_parent,
            **{f.column: encode(changed.fields.get(f.name)) for f in self._custom[changed.type_key]},
        }
        self.execute(
            f"UPDATE {table(changed.type_key)} SET {', '.join(f'{column} = ?' for column in assignments)} WHERE id = ?",
            (*assignments.values(), changed.id),
        )
        self.execute("UPDATE directory SET path = ? WHERE id = ?", (changed.location, changed.id))

    def delete(self, doomed: StoredObject) -> None:
        """Remove an object and everything that refers to it."""
        self.execute(f"DELETE FROM {table(doomed.type_key)} WHERE id = ?", (doomed.id,))
        self.execute("DELETE FROM directory WHERE id = ?", (doomed.id,))
        self.execute("DELETE FROM association WHERE parent = ? OR child = ?", (doomed.id, doomed.id))
        self.execute("DELETE FROM workflow WHERE object = ?", (doomed.id,))


def custom_fields(object_type: ObjectType) -> list[Field]:
    """Return the fields of a type that are not system fields."""
    return [f for f in object_type.fields.values() if f.name not in SYSTEM_COLUMNS]


def _system_values(new: StoredObject) -> tuple[Scalar, ...]:
    return (
        new.id,
        new.name,
        new.title,
        new.description,
        new.comment,
        new.location,
        new.created,
        new.created_by,
        new.modified,
        new.modified_by,
        new.primary_parent,
    )
