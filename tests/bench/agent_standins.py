# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry and a console for the agent's benchmark, so quick that they are not what is measured.

    python -m tests.bench.agent_standins registry
    python -m tests.bench.agent_standins console --behind http://127.0.0.1:PORT

Each prints its address. The registry speaks SageMaker's JSON protocol: DescribeModelPackage, DescribeModelPackageGroup
and Search, over packages that are made up when they are asked for. The console keeps model groups and models: POST, PUT
and queries by ARN; everything else, login and types among it, is answered by the console emulator behind it, and so is
the first creation of each type, whose answer becomes the pattern for all others. What an answer costs a client to read
is therefore what the emulator's answer costs. The console can hold back every answer for a while.

``POST /_bench`` sets any of {"revision": n, "packages": n, "latency": seconds}; the console's answer says what was
written: {"objects": n, "current": how many objects were written at this revision, "writes": n, "reads": n, "last":
monotonic seconds of the last write's arrival}.
"""

from __future__ import annotations

import abc
import argparse
import asyncio
import copy
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests

ACCOUNT, REGION = "111122223333", "us-east-1"
STEM = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
VERSIONS = 50
"""Packages a group."""
BORN = 1_790_000_000
"""When the first package was made, in POSIX seconds; each later group a second later, its packages with it."""
PAGE = 100
ARN_FIELD = "Integration:External ID"
_STATEMENT = re.compile(r"SELECT (.+?) FROM \[(\w+)\] WHERE (.+)")
_ARNS = re.compile(r"'(arn:[^']*)'")
Handler = Callable[[str, str, dict[str, str], bytes], "tuple[int, bytes] | asyncio.Future[tuple[int, bytes]]"]


def package_arn(number: int) -> str:
    """The ARN of a package, counted from 0."""
    return f"{STEM}:model-package/{group_name(number // VERSIONS)}/{number % VERSIONS + 1}"


def group_name(number: int) -> str:
    """The name of a group, counted from 0."""
    return f"group-{number:05d}"


class Wire(asyncio.Protocol):
    """HTTP/1.1 with kept connections: one request at a time, each with a Content-Length or without a body."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._received = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._received = rest[length:]
        verb, target, _version = first.split(" ")
        self._server.serve(verb, target, headers, rest[:length], self._answer)

    def _answer(self, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        if not self._transport.is_closing():
            self._transport.write(head.encode() + body)


class Server(abc.ABC):
    """What both stand-ins have in common."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.revision = 0
        self.packages = 0

    def serve(
        self, verb: str, target: str, headers: dict[str, str], body: bytes, answer: Callable[[int, bytes], None]
    ) -> None:
        """Answer a request, after the latency unless it is the benchmark's own."""
        if target == "/_bench":
            if verb == "POST":
                vars(self).update(json.loads(body))
            answer(200, json.dumps(self.seen()).encode())
            return
        found = self.handle(verb, target, headers, body)
        if isinstance(found, asyncio.Future):
            found.add_done_callback(lambda done: self._later(answer, *done.result()))
        else:
            self._later(answer, *found)

    def seen(self) -> dict[str, Any]:
        """What the benchmark is told."""
        return {}

    @abc.abstractmethod
    def handle(
        self, verb: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes] | asyncio.Future[tuple[int, bytes]]:
        """Status and body."""

    def _later(self, answer: Callable[[int, bytes], None], status: int, body: bytes) -> None:
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, answer, status, body)
        else:
            answer(status, body)


class Registry(Server):
    """Packages 0 to ``packages``, all of them at ``revision``."""

    def handle(self, verb: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        operation = headers["x-amz-target"].rpartition(".")[2]
        request = json.loads(body)
        if operation == "DescribeModelPackage":
            group, version = request["ModelPackageName"].rsplit("/", 2)[1:]
            return 200, json.dumps(self._package(int(group.removeprefix("group-")), int(version))).encode()
        if operation == "DescribeModelPackageGroup":
            name = request["ModelPackageGroupName"].rsplit("/", 1)[-1]
            return 200, json.dumps(self._group(int(name.removeprefix("group-")))).encode()
        if operation == "Search":
            return 200, json.dumps(self._search(request)).encode()
        return 400, json.dumps({"__type": "ValidationException", "message": f"no {operation} here"}).encode()

    def _search(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page of what is not older than the one filter there is says."""
        (bound,) = request["SearchExpression"]["Filters"]
        resource, newest = request["Resource"], -(-self.packages // VERSIONS)
        since = time.mktime(time.strptime(bound["Value"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        first = max(0, int(since) - BORN)
        groups = range(min(first, newest), newest)
        start = int(request.get("NextToken", "0"))
        if resource == "ModelPackageGroup":
            page = [{resource: self._group(number)} for number in groups[start : start + PAGE]]
            total = len(groups)
        else:
            numbers = range(min(first * VERSIONS, self.packages), self.packages)
            page = [
                {resource: self._package(number // VERSIONS, number % VERSIONS + 1)}
                for number in numbers[start : start + PAGE]
            ]
            total = len(numbers)
        more = {"NextToken": str(start + PAGE)} if start + PAGE < total else {}
        return {"Results": page, "TotalHits": {"Value": total, "Relation": "EqualTo"}, **more}

    def _group(self, number: int) -> dict[str, Any]:
        name = group_name(number)
        return {
            "ModelPackageGroupName": name,
            "ModelPackageGroupArn": f"{STEM}:model-package-group/{name}",
            "ModelPackageGroupDescription": "Made up for the benchmark.",
            "CreationTime": BORN + number,
            "CreatedBy": {},
            "ModelPackageGroupStatus": "Completed",
        }

    def _package(self, group: int, version: int) -> dict[str, Any]:
        name = group_name(group)
        return {
            "ModelPackageGroupName": name,
            "ModelPackageVersion": version,
            "ModelPackageArn": f"{STEM}:model-package/{name}/{version}",
            "ModelPackageDescription": "A model that decides on credit.",
            "CreationTime": BORN + group,
            "LastModifiedTime": BORN + group + self.revision,
            "CreatedBy": {},
            "LastModifiedBy": {},
            "InferenceSpecification": {
                "Containers": [
                    {
                        "Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/credit:{version}",
                        "ImageDigest": f"sha256:{version:064x}",
                        "ModelDataUrl": f"s3://models/{name}/{version}/model.tar.gz",
                    }
                ],
                "SupportedTransformInstanceTypes": ["ml.m5.xlarge"],
                "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large", "ml.m5.xlarge"],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": False,
            "ModelApprovalStatus": "Approved",
            "ApprovalDescription": f"revision {self.revision}.",
            "CustomerMetadataProperties": {"team": "credit", "ticket": f"MRM-{group}"},
        }


class Console(Server):
    """Model groups and models in memory; ``behind`` is the address of a console emulator for everything else."""

    def __init__(self, behind: str) -> None:
        super().__init__()
        self._behind = behind
        self._session = requests.Session()
        self._objects: dict[str, dict[str, Any]] = {}
        self._ids: dict[str, str] = {}
        self._patterns: dict[str, dict[str, Any]] = {}
        self._current: dict[str, int] = {}
        self._writes = 0
        self._reads = 0
        self._last = 0.0

    def seen(self) -> dict[str, Any]:
        current = sum(revision == self.revision for revision in self._current.values())
        counts = {"objects": len(self._objects), "writes": self._writes, "reads": self._reads}
        return {"current": current, "last": self._last, **counts}

    def handle(
        self, verb: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes] | asyncio.Future[tuple[int, bytes]]:
        path = urlsplit(target).path
        resource, _slash, number = path.partition("/api/v2/")[2].partition("/")
        if resource == "query":
            return self._query(target, headers, body)
        if resource == "contents" and verb == "POST":
            return self._create(target, headers, json.loads(body))
        if resource == "contents" and verb == "PUT" and number in self._objects:
            return self._write(200, self._objects[number], json.loads(body))
        return self._forward(verb, target, headers, body)

    def _query(
        self, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes] | asyncio.Future[tuple[int, bytes]]:
        """Objects by the ARNs that the condition names, be it one or a list; their names would find the same ones."""
        found = _STATEMENT.match(json.loads(body)["statement"])
        arns = _ARNS.findall(found[3]) if found and f"[{ARN_FIELD}]" in found[3] else []
        if found is None or not arns or "%" in found[3]:
            return self._forward("POST", target, headers, body)
        self._reads += 1
        columns = re.findall(r"\[([^\]]+)\]", found[1])
        numbers = [self._ids[arn] for arn in arns if arn in self._ids]
        rows = [{"fields": _row(self._objects[number], columns)} for number in numbers]
        answer = {"definitions": [{"name": name} for name in columns], "rows": rows, "offset": 0, "limit": 500}
        return 200, json.dumps(answer).encode()

    def _create(
        self, target: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, bytes] | asyncio.Future[tuple[int, bytes]]:
        kind = body["type_definition_id"]
        if kind not in self._patterns:
            alone = {name: value for name, value in body.items() if name != "primary_parent_id"}
            status, text = self._fetch("POST", target, headers, json.dumps(alone).encode())
            if status != 201:
                return status, text
            self._patterns[kind] = json.loads(text)
            self._fetch("DELETE", f"{target}/{self._patterns[kind]['id']}", headers, b"")
        made = copy.deepcopy(self._patterns[kind])
        made["id"] = str(1_000_000 + len(self._objects))
        made["path"] = f"{made['path'].rpartition('/')[0]}/{body['name']}.txt"
        made["primary_parent_id"] = body["primary_parent_id"]
        self._objects[made["id"]] = made
        answer = self._write(201, made, body)
        self._ids[str(_value(made, ARN_FIELD))] = made["id"]
        return answer

    def _write(self, status: int, found: dict[str, Any], body: dict[str, Any]) -> tuple[int, bytes]:
        """Take over what a POST or PUT says: the attributes, and those fields that it names."""
        given = {entry["name"]: entry.get("value") for entry in body["fields"]}
        own = {"Name": f"{body['name']}.txt", "Title": body["title"], "Description": body["description"]}
        own |= {"Resource ID": found["id"], "Location": found["path"]}
        for entry in found["fields"]:
            if entry["name"] in given:
                entry["value"] = given[entry["name"]]
            elif entry["name"] in own:
                entry["value"] = own[entry["name"]]
        found |= {name: body[name] for name in ("name", "title", "description")}
        self._writes += 1
        self._last = time.monotonic()
        if f"revision {self.revision}." in json.dumps(body):
            self._current[found["id"]] = self.revision
        return status, json.dumps(found).encode()

    def _forward(
        self, verb: str, target: str, headers: dict[str, str], body: bytes
    ) -> asyncio.Future[tuple[int, bytes]]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(None, self._fetch, verb, target, headers, body)

    def _fetch(self, verb: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        kept = {name: headers[name] for name in ("authorization", "content-type") if name in headers}
        answer = self._session.request(
            verb, self._behind + target, headers=kept, data=body, timeout=60, allow_redirects=False
        )
        return answer.status_code, answer.content


def _row(found: dict[str, Any], columns: list[str]) -> list[dict[str, Any]]:
    """Cells as the emulator gives them: a field without a value has no ``value``, and names have no extension."""
    values = {entry["name"]: entry.get("value") for entry in found["fields"]} | {"Name": found["name"]}
    return [{"name": name} | ({} if values.get(name) is None else {"value": values[name]}) for name in columns]


def _value(found: dict[str, Any], name: str) -> Any:
    return next((entry.get("value") for entry in found["fields"] if entry["name"] == name), None)


async def serve(server: Server) -> None:
    """Serve on a free port of this machine until cancelled."""
    listening = await asyncio.get_running_loop().create_server(lambda: Wire(server), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    async with listening:
        await listening.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", choices=("registry", "console"))
    parser.add_argument("--behind", help="the address of a console emulator")
    given = parser.parse_args()
    asyncio.run(serve(Registry() if given.kind == "registry" else Console(given.behind)))


if __name__ == "__main__":
    main()
