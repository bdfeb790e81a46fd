# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WSGI front: names each call, counts, throttles and spoils it, finds the account, hands the rest to moto."""

from __future__ import annotations

import functools
import io
import json
import socket
import struct
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from boto3 import Session
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from tests.emulators.aws.caller import assumed_session, credential_scope, is_account_id, is_revoked
from tests.emulators.aws.clock import CLOCK
from tests.emulators.aws.traffic import Fault, Traffic

StartResponse = Callable[..., Any]
Body = Iterable[bytes]

QUERY_SERVICES = frozenset({"sts", "iam"})
MODERN_SERVICES = frozenset({"sagemaker", "events", "cloudtrail"})
GLOBAL_REGIONS = frozenset({"us-east-1", "aws-global", "global"})


@dataclass(frozen=True, slots=True)
class CallName:
    """What the signature and the headers say of a request."""

    service: str
    operation: str
    access_key: str
    region: str

    @property
    def key(self) -> str:
        return f"{self.service}.{self.operation}"


def call_name(environ: dict[str, Any]) -> CallName:
    """Service, operation, access key id and region of a request; REST services are named by method."""
    scope = credential_scope(environ.get("HTTP_AUTHORIZATION", ""))
    access_key, region, service = scope if scope else ("", "us-east-1", "s3")
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return CallName(service, target.rsplit(".", 1)[-1], access_key, region)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        action = parse_qs(_body(environ).decode()).get("Action")
        if action:
            return CallName(service, action[0], access_key, region)
    if service == "ram":
        return CallName(service, environ.get("PATH_INFO", "").strip("/"), access_key, region)
    return CallName(service, environ["REQUEST_METHOD"], access_key, region)


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


@functools.cache
def known_regions() -> frozenset[str]:
    session = Session()
    regions = {
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("sqs", partition_name=partition)
    }
    return frozenset(regions) | GLOBAL_REGIONS


class CachingDispatcher(DomainDispatcherApplication):
    """moto's dispatcher, but it searches the backend of a host name once, not by 175 patterns at each request."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._lookup = functools.cache(super().get_backend_for_host)

    def get_backend_for_host(self, host: str | None) -> Any:
        return self._lookup(host)


class Front:
    """The application that waitress serves."""

    def __init__(self, traffic: Traffic, control: Callable[[dict[str, Any], StartResponse], Body]) -> None:
        self._traffic = traffic
        self._control = control
        self._moto = CachingDispatcher()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Body:
        if environ.get("PATH_INFO", "").startswith("/_emulator/"):
            return self._control(environ, start_response)
        name = call_name(environ)
        self._traffic.count(name.key)
        refusal = self._refusal(name)
        if refusal:
            return _error(name, start_response, *refusal)
        if is_account_id(name.access_key):
            environ["HTTP_X_MOTO_ACCOUNT_ID"] = name.access_key
        fault = self._traffic.next_fault(name.key)
        return self._with_fault(fault, name, environ, start_response) if fault else self._moto(environ, start_response)

    def _refusal(self, name: CallName) -> tuple[int, str, str] | None:
        """(status, code, message) of what AWS would answer before looking at the call."""
        if name.region not in known_regions():
            message = f"Credential should be scoped to a valid region, not '{name.region}'."
            return 400, "InvalidSignatureException", message
        if self._traffic.is_throttled(name.key):
            return 400, "Throttling" if name.service in QUERY_SERVICES else "ThrottlingException", "Rate exceeded"
        if is_revoked(name.access_key):
            code = "UnrecognizedClientException" if name.service in MODERN_SERVICES else "InvalidClientTokenId"
            return 403, code, "The security token included in the request is invalid."
        if name.access_key.startswith("ASIA"):
            session = assumed_session(name.access_key)
            if session is not None and session.expiration <= CLOCK.naive_now():
                code = "ExpiredToken" if name.service in QUERY_SERVICES else "ExpiredTokenException"
                return 403, code, "The security token included in the request is expired"
        return None

    def _with_fault(self, fault: Fault, name: CallName, environ: dict[str, Any], start_response: StartResponse) -> Body:
        if fault.kind == "error":
            return _error(name, start_response, fault.status, fault.code, "Injected by a test.")
        if fault.kind == "http_html_200":
            page = b"<html><head><title>Proxy</title></head><body>Please sign in.</body></html>"
            return _answer(start_response, "200 OK", "text/html", page)
        if fault.kind == "reset":
            _drop_connection(environ)
            return _answer(start_response, "500 Internal Server Error", "text/plain", b"")
        if fault.kind == "latency":
            time.sleep(fault.seconds)
            return self._moto(environ, start_response)
        body = _collect(self._moto, environ)
        if fault.kind == "lost_response":
            _drop_connection(environ)
        return _answer(start_response, "200 OK", "application/x-amz-json-1.1", body[: len(body) // 2])


def _collect(application: Any, environ: dict[str, Any]) -> bytes:
    """Run the call and keep its body."""
    result = application(environ, lambda *arguments: None)
    try:
        return b"".join(result)
    finally:
        if hasattr(result, "close"):
            result.close()


def _drop_connection(environ: dict[str, Any]) -> None:
    """Cut the client off without an answer. The server puts the socket into the environ (see server.py)."""
    client: socket.socket = environ["emulator.socket"]
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.shutdown(socket.SHUT_RDWR)


def _answer(start_response: StartResponse, status: str, content_type: str, body: bytes) -> Body:
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


def _error(name: CallName, start_response: StartResponse, status: int, code: str, message: str) -> Body:
    """An error in the protocol of the service."""
    reason = f"{status} Error"
    if name.service in QUERY_SERVICES or name.service == "s3":
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
        )
        return _answer(start_response, reason, "text/xml", text.encode())
    body = json.dumps({"__type": code, "message": message}).encode()
    return _answer(start_response, reason, "application/x-amz-json-1.1", body)
