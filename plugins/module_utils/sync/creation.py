# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates console objects that carry an ARN, each once, also when the console's answer is lost."""

from __future__ import annotations

from ..console.client import ConsoleClient
from ..console.errors import UnknownOutcomeError
from ..console.objects import NewObject
from .console_reader import ConsoleReader
from .errors import SyncError
from .mapping import Kind


def create_ours(client: ConsoleClient, reader: ConsoleReader, kind: Kind, arn: str, new: NewObject) -> str:
    """Create the object of an ARN and return its id (1 write; after a lost answer 1 query, and 1 write at most).

    ``new.fields`` has the ARN. Raises SyncError when the console answers with an object of another ARN, as it does
    when somebody has taken the name in the meantime, and the errors of the console: UnknownOutcomeError for a second
    answer that is lost.
    """
    try:
        created = client.create_object(new)
    except UnknownOutcomeError:
        # The answer was lost, the object may be there: its ARN tells. If it is not, the request is safe to repeat.
        record, _taken = reader.find(kind, arn)
        if record is not None:
            return record.id
        created = client.create_object(new)
    answered = created.fields.get(reader.names.arn)
    if answered != arn:
        raise SyncError(
            f"The console answered the creation of the {kind.value} {new.name!r} with object {created.id}, whose "
            f"{reader.names.arn} is {answered!r} and not {arn!r}. Look at that object first."
        )
    return created.id
