# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections at work, kept in line with what the roster wants. One thread calls all this."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from ..connection.model import AccessKey, Connection
from .errors import JournalUnavailableError
from .journal import Journal
from .log import fields
from .roster import Wanted
from .status import Counters
from .unit import Unit

log = logging.getLogger(__name__)

FULL_SWEEP_WANTED = "full_sweep_wanted"
"""The journal's note by which another command asks for a full sweep of a connection."""

MakeUnit = Callable[[Connection, Counters], Unit]


class Fleet:
    """The units, by connection. ``counters`` outlive a unit that begins anew, and end with their connection."""

    def __init__(self, journal: Journal, make_unit: MakeUnit) -> None:
        self._journal = journal
        self._make_unit = make_unit
        self._units: dict[str, Unit] = {}
        self._retiring: list[Unit] = []
        self._counters: dict[str, Counters] = {}
        self._aws_files: tuple[str, ...] = ()

    @property
    def units(self) -> Mapping[str, Unit]:
        """Those at work, by the name of their connection."""
        return self._units

    def follow(self, wanted: Wanted, *, anew: bool = False) -> None:
        """Stop what is no longer wanted or has changed (``anew``: everything), and start what is missing."""
        renewed, self._aws_files = wanted.aws_files != self._aws_files, wanted.aws_files
        for name, unit in list(self._units.items()):
            stale = anew or (renewed and not isinstance(unit.connection.credentials, AccessKey))
            if stale or wanted.enabled.get(name) != unit.connection:
                self._retire(name, unit)
        for name in [name for name in self._counters if name not in wanted.known]:
            self._forget(name)
        for name, connection in wanted.enabled.items():
            if name not in self._units:
                counters = self._counters.setdefault(name, Counters())
                self._units[name] = unit = self._make_unit(connection, counters)
                unit.start()

    def bury(self) -> None:
        """Close what has stopped."""
        for unit in [unit for unit in self._retiring if unit.finished]:
            self._retiring.remove(unit)
            unit.close()

    def obey(self) -> None:
        """Do what other commands have asked for by a note in the journal. Raises JournalUnavailableError."""
        for name, unit in self._units.items():
            if self._journal.take_note(name, FULL_SWEEP_WANTED) is not None:
                unit.request_full_sweep("it was asked for")

    def request_full_sweeps(self, why: str) -> None:
        """Have a full sweep of each connection soon."""
        for unit in self._units.values():
            unit.request_full_sweep(why)

    def stop(self) -> None:
        """Stop everything, so that the process can end."""
        for unit in self._all():
            unit.stop()
        for unit in self._all():
            unit.take_leave()

    def close(self) -> None:
        """Give back what the units hold: nothing that may not be left is under way any more."""
        for unit in self._all():
            unit.close()

    def _all(self) -> Iterable[Unit]:
        return (*self._units.values(), *self._retiring)

    def _retire(self, name: str, unit: Unit) -> None:
        log.info("connection stopped", extra=fields(connection=name))
        del self._units[name]
        unit.stop()
        self._retiring.append(unit)

    def _forget(self, name: str) -> None:
        del self._counters[name]
        try:
            self._journal.forget(name)
        except JournalUnavailableError as error:
            log.warning("%s", error, extra=fields(connection=name))
