# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to log in to a console: one small class each.

Sources of the shapes: watsonx.governance's "Accessing APIs on AWS" (mcsp), IBM's public SDK core (mcsp_account and the
response key ``token``), IBM Cloud's documented IAM grant (ibm_cloud), Cloud Pak for Data's authorize call and
``ZenApiKey`` header, plain Basic for OpenPages on premises.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import ClassVar, Protocol
from urllib.parse import quote, urlsplit

from .errors import BadOptionError

MCSP_ORIGIN = "https://account-iam.platform.saas.ibm.com"
IBM_CLOUD_ORIGIN = "https://iam.cloud.ibm.com"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A login call: POST ``url`` with a JSON body or a form; the token is under ``token_key`` of the answer."""

    url: str
    json: Mapping[str, str] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    token_key: str = "token"


class Authenticator(Protocol):
    """A way to log in."""

    NAME: ClassVar[str]

    def validate(self) -> None:
        """Raise BadOptionError for values that cannot work."""

    def token_request(self, console_origin: str) -> TokenRequest | None:
        """Return the call that fetches a token, or None where the secret itself goes with each request."""

    def headers(self, token: str) -> dict[str, str]:
        """Return the headers of a request; the token is empty where none is fetched."""

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must never be shown."""


@dataclass(frozen=True, slots=True)
class McspServiceToken:
    """The API key of a service ID of the SaaS console on AWS; the token is scoped to the service instance."""

    NAME: ClassVar[str] = "mcsp"
    api_key: str = field(repr=False)
    instance_id: str
    token_url: str = MCSP_ORIGIN

    def validate(self) -> None:
        pass

    def token_request(self, console_origin: str) -> TokenRequest | None:
        path = f"/api/2.0/services/{quote(self.instance_id, safe='')}/apikeys/token"
        return TokenRequest(_complete(self.token_url, path), json={"apikey": self.api_key})

    def headers(self, token: str) -> dict[str, str]:
        return _bearer(token)

    def secrets(self) -> tuple[str, ...]:
        return (self.api_key,)


@dataclass(frozen=True, slots=True)
class McspAccountToken:
    """As mcsp, with a token scoped to the SaaS account: ``instance_id`` is the account's id."""

    NAME: ClassVar[str] = "mcsp_account"
    api_key: str = field(repr=False)
    instance_id: str
    token_url: str = MCSP_ORIGIN

    def validate(self) -> None:
        pass

    def token_request(self, console_origin: str) -> TokenRequest | None:
        path = f"/api/2.0/accounts/{quote(self.instance_id, safe='')}/apikeys/token"
        return TokenRequest(_complete(self.token_url, path), json={"apikey": self.api_key})

    def headers(self, token: str) -> dict[str, str]:
        return _bearer(token)

    def secrets(self) -> tuple[str, ...]:
        return (self.api_key,)


@dataclass(frozen=True, slots=True)
class IbmCloudToken:
    """An IBM Cloud IAM API key; newer consoles there also want the id of their instance in a header."""

    NAME: ClassVar[str] = "ibm_cloud"
    api_key: str = field(repr=False)
    instance_id: str = ""
    token_url: str = IBM_CLOUD_ORIGIN

    def validate(self) -> None:
        _check_header("instance_id", self.instance_id)

    def token_request(self, console_origin: str) -> TokenRequest | None:
        form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": self.api_key}
        return TokenRequest(_complete(self.token_url, "/identity/token"), form=form, token_key="access_token")

    def headers(self, token: str) -> dict[str, str]:
        instance = {"ZEN-Service-Instance-Id": self.instance_id} if self.instance_id else {}
        return _bearer(token) | instance

    def secrets(self) -> tuple[str, ...]:
        return (self.api_key,)


@dataclass(frozen=True, slots=True)
class Cp4dToken:
    """User name and password of Cloud Pak for Data; the token comes from the console's own host by default."""

    NAME: ClassVar[str] = "cp4d"
    username: str
    password: str = field(repr=False)
    token_url: str = ""

    def validate(self) -> None:
        pass

    def token_request(self, console_origin: str) -> TokenRequest | None:
        url = _complete(self.token_url or console_origin, "/icp4d-api/v1/authorize")
        return TokenRequest(url, json={"username": self.username, "password": self.password})

    def headers(self, token: str) -> dict[str, str]:
        return _bearer(token)

    def secrets(self) -> tuple[str, ...]:
        return (self.password,)


@dataclass(frozen=True, slots=True)
class ZenApiKey:
    """User name and API key of Cloud Pak for Data, sent with each request."""

    NAME: ClassVar[str] = "zen_api_key"
    username: str
    api_key: str = field(repr=False)

    def validate(self) -> None:
        _check_username(self.username)

    def token_request(self, console_origin: str) -> TokenRequest | None:
        return None

    def headers(self, token: str) -> dict[str, str]:
        return {"Authorization": f"ZenApiKey {_base64(self.username, self.api_key)}"}

    def secrets(self) -> tuple[str, ...]:
        return (self.api_key, _base64(self.username, self.api_key))


@dataclass(frozen=True, slots=True)
class Basic:
    """User name and password, sent with each request."""

    NAME: ClassVar[str] = "basic"
    username: str
    password: str = field(repr=False)

    def validate(self) -> None:
        _check_username(self.username)

    def token_request(self, console_origin: str) -> TokenRequest | None:
        return None

    def headers(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Basic {_base64(self.username, self.password)}"}

    def secrets(self) -> tuple[str, ...]:
        return (self.password, _base64(self.username, self.password))


METHODS: Mapping[str, type] = {
    method.NAME: method for method in (McspServiceToken, McspAccountToken, IbmCloudToken, Cp4dToken, ZenApiKey, Basic)
}


def authenticator(method: str, **options: str) -> Authenticator:
    """Return the way to log in. Options that are empty count as not given.

    Raises BadOptionError for an unknown method or option, for a missing option, and for a value that cannot work.
    """
    if method not in METHODS:
        raise BadOptionError(f'There is no login method "{method}". There are: {", ".join(METHODS)}.')
    kind = METHODS[method]
    known = {item.name: item for item in fields(kind)}
    given = {name: value for name, value in options.items() if value}
    missing = [name for name, item in known.items() if item.default is MISSING and name not in given]
    if missing:
        raise BadOptionError(f"The login method {method} needs {' and '.join(missing)}.")
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise BadOptionError(f"The login method {method} takes {', '.join(known)}, but not {', '.join(unknown)}.")
    made: Authenticator = kind(**given)
    made.validate()
    return made


def _complete(url: str, path: str) -> str:
    """Return url with path where url names only a host, else url as it is."""
    return url.rstrip("/") + path if urlsplit(url).path in ("", "/") else url


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _base64(username: str, secret: str) -> str:
    return base64.b64encode(f"{username}:{secret}".encode()).decode("ascii")


def _check_username(username: str) -> None:
    if ":" in username:
        raise BadOptionError(f'The user name "{username}" holds a colon, which this login method cannot carry.')


def _check_header(name: str, value: str) -> None:
    if not value.isprintable() or not value.isascii():
        raise BadOptionError(f"{name} may hold printable ASCII characters only.")
