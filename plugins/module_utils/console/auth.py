# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to log in to a console: one small class each. None of them keeps the secret: it is handed over when needed.

Sources of the shapes: watsonx.governance's "Accessing APIs on AWS" (mcsp), IBM's public SDK core (mcsp_account and the
response key ``token``), IBM Cloud's documented IAM grant (ibm_cloud), Cloud Pak for Data's authorize call and
``ZenApiKey`` header, plain Basic for OpenPages on premises.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import ClassVar, Protocol, TypeAlias
from urllib.parse import quote, urlsplit

from .errors import BadOptionError
from .secret import FetchSecret, Secret, option_names, source_of

MCSP_ORIGIN = "https://account-iam.platform.saas.ibm.com"
IBM_CLOUD_ORIGIN = "https://iam.cloud.ibm.com"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A login call: POST ``url`` with a JSON body or a form; the token is under ``token_key`` of the answer."""

    url: str
    json: Mapping[str, str] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    token_key: str = "token"


class LoginMethod(Protocol):
    """A way to log in; SECRET is the name of the option that gives its secret."""

    NAME: ClassVar[str]
    SECRET: ClassVar[str]

    def validate(self) -> None:
        """Raise BadOptionError for values that cannot work."""

    def token_request(self, console_origin: str, secret: str) -> TokenRequest | None:
        """Return the call that fetches a token, or None where the secret itself goes with each request."""

    def headers(self, credential: str) -> dict[str, str]:
        """Return the headers of a request, from the token, or from the secret where no token is fetched."""


@dataclass(frozen=True, slots=True)
class McspServiceToken:
    """The API key of a service ID of the SaaS console on AWS; the token is scoped to the service instance."""

    NAME: ClassVar[str] = "mcsp"
    SECRET: ClassVar[str] = "api_key"
    instance_id: str
    token_url: str = MCSP_ORIGIN

    def validate(self) -> None:
        pass

    def token_request(self, console_origin: str, secret: str) -> TokenRequest | None:
        path = f"/api/2.0/services/{quote(self.instance_id, safe='')}/apikeys/token"
        return TokenRequest(_complete(self.token_url, path), json={"apikey": secret})

    def headers(self, credential: str) -> dict[str, str]:
        return _bearer(credential)


@dataclass(frozen=True, slots=True)
class McspAccountToken:
    """As mcsp, with a token scoped to the SaaS account: ``instance_id`` is the account's id."""

    NAME: ClassVar[str] = "mcsp_account"
    SECRET: ClassVar[str] = "api_key"
    instance_id: str
    token_url: str = MCSP_ORIGIN

    def validate(self) -> None:
        pass

    def token_request(self, console_origin: str, secret: str) -> TokenRequest | None:
        path = f"/api/2.0/accounts/{quote(self.instance_id, safe='')}/apikeys/token"
        return TokenRequest(_complete(self.token_url, path), json={"apikey": secret})

    def headers(self, credential: str) -> dict[str, str]:
        return _bearer(credential)


@dataclass(frozen=True, slots=True)
class IbmCloudToken:
    """An IBM Cloud IAM API key; newer consoles there also want the id of their instance in a header."""

    NAME: ClassVar[str] = "ibm_cloud"
    SECRET: ClassVar[str] = "api_key"
    instance_id: str = ""
    token_url: str = IBM_CLOUD_ORIGIN

    def validate(self) -> None:
        _check_header("instance_id", self.instance_id)

    def token_request(self, console_origin: str, secret: str) -> TokenRequest | None:
        form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": secret}
        return TokenRequest(_complete(self.token_url, "/identity/token"), form=form, token_key="access_token")

    def headers(self, credential: str) -> dict[str, str]:
        instance = {"ZEN-Service-Instance-Id": self.instance_id} if self.instance_id else {}
        return _bearer(credential) | instance


@dataclass(frozen=True, slots=True)
class Cp4dToken:
    """User name and password of Cloud Pak for Data; the token comes from the console's own host by default."""

    NAME: ClassVar[str] = "cp4d"
    SECRET: ClassVar[str] = "password"
    username: str
    token_url: str = ""

    def validate(self) -> None:
        pass

    def token_request(self, console_origin: str, secret: str) -> TokenRequest | None:
        url = _complete(self.token_url or console_origin, "/icp4d-api/v1/authorize")
        return TokenRequest(url, json={"username": self.username, "password": secret})

    def headers(self, credential: str) -> dict[str, str]:
        return _bearer(credential)


@dataclass(frozen=True, slots=True)
class ZenApiKey:
    """User name and API key of Cloud Pak for Data, sent with each request."""

    NAME: ClassVar[str] = "zen_api_key"
    SECRET: ClassVar[str] = "api_key"
    username: str

    def validate(self) -> None:
        _check_username(self.username)

    def token_request(self, console_origin: str, secret: str) -> TokenRequest | None:
        return None

    def headers(self, credential: str) -> dict[str, str]:
        return {"Authorization": f"ZenApiKey {_base64(self.username, credential)}"}


@dataclass(frozen=True, slots=True)
class Basic:
    """User name and password, sent with each request."""

    NAME: ClassVar[str] = "basic"
    SECRET: ClassVar[str] = "password"
    username: str

    def validate(self) -> None:
        _check_username(self.username)

    def token_request(self, console_origin: str, secret: str) -> TokenRequest | None:
        return None

    def headers(self, credential: str) -> dict[str, str]:
        return {"Authorization": f"Basic {_base64(self.username, credential)}"}


_Kind: TypeAlias = type[McspServiceToken | McspAccountToken | IbmCloudToken | Cp4dToken | ZenApiKey | Basic]
_KINDS: tuple[_Kind, ...] = (McspServiceToken, McspAccountToken, IbmCloudToken, Cp4dToken, ZenApiKey, Basic)
METHODS: Mapping[str, _Kind] = {kind.NAME: kind for kind in _KINDS}


@dataclass(frozen=True, slots=True)
class Authenticator:
    """A way to log in together with the secret for it."""

    method: LoginMethod
    secret: Secret = field(repr=False)

    @property
    def name(self) -> str:
        """The login method's name."""
        return self.method.NAME

    def token_url(self, console_origin: str) -> str | None:
        """Return where a token is fetched, or None where the secret itself goes with each request."""
        request = self.method.token_request(console_origin, "")
        return request.url if request else None

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must never be shown: the secret as it was last read, alone and in its header."""
        secret = self.secret.known()
        if not secret:
            return ()
        return (secret, self.method.headers(secret).get("Authorization", "").partition(" ")[2])


def authenticator(method: str, *, fetch_secret: FetchSecret | None = None, **options: str) -> Authenticator:
    """Return the way to log in; no secret is read yet. Options that are empty count as not given.

    The secret of a method, api_key or password, is given itself, or as api_key_file, api_key_env or api_key_secret, and
    password_… alike (see console.secret); ``fetch_secret`` reads what a …_secret names.
    Raises BadOptionError for an unknown method or option, for a missing option, and for a value that cannot work.
    """
    if method not in METHODS:
        raise BadOptionError(f'There is no login method "{method}". There are: {", ".join(METHODS)}.')
    kind = METHODS[method]
    given = {name: value for name, value in options.items() if value}
    secret_names = option_names(kind.SECRET)
    source = source_of(kind.SECRET, {name: given.pop(name) for name in secret_names if name in given}, fetch_secret)
    known = {item.name: item for item in fields(kind)}
    missing = [name for name, item in known.items() if item.default is MISSING and name not in given]
    if source is None:
        missing.append(f"{kind.SECRET} (or one of {', '.join(secret_names[1:])})")
    if source is None or missing:
        raise BadOptionError(f"The login method {method} needs {' and '.join(missing)}.")
    unknown = sorted(set(given) - set(known))
    if unknown:
        takes = ", ".join((*known, *secret_names))
        raise BadOptionError(f"The login method {method} takes {takes}, but not {', '.join(unknown)}.")
    made: LoginMethod = kind(**given)
    made.validate()
    return Authenticator(made, Secret(source))


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
