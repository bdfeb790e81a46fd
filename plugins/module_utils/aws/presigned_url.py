# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Presigned URLs that sign a SageMaker Studio user profile in.

The URL is a credential: whoever has it within its life is signed in. It is in no error message and in no repr.
docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePresignedDomainUrl.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from .arn import Arn, parse_arn
from .client import ServiceClient
from .errors import AwsError, InputError

LIFE = 300
"""Seconds for which a URL can be opened: what the console's links have."""
PACKAGE_PATH = "models/registered-models/{group}/versions"
"""Where Studio shows the versions of a model package group; not documented by AWS, seen in links of Studio."""

_DOMAIN = re.compile(r"d-(-*[a-z0-9]){1,61}")
_PROFILE = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_LIFE = (5, 300)
_SESSION = (1800, 43200)
_LONGEST_LANDING = 1023
_ABSENT = ("ResourceNotFound",)


@dataclass(frozen=True, slots=True)
class ProfileAddress:
    """A user profile: `arn:PARTITION:sagemaker:REGION:ACCOUNT:user-profile/DOMAIN/NAME` taken apart."""

    arn: Arn
    domain_id: str
    name: str


@dataclass(frozen=True, slots=True)
class PresignedRequest:
    """What to sign: a life of the URL and of the session in seconds, and where to land in Studio.

    `landing_path` is a path within Studio; `{group}` and `{version}` in it stand for those of the model package.
    """

    profile: ProfileAddress
    expires_in: int = LIFE
    session_seconds: int | None = None
    landing_path: str | None = None
    model_package_arn: str | None = None


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """The URL, hidden from logs."""

    url: str = field(repr=False)


def parse_profile_arn(text: Any) -> ProfileAddress:
    """The parts of a user profile's ARN; InputError says what is wrong with any other text."""
    if not isinstance(text, str):
        raise InputError(f"The user profile ARN is of the type {type(text).__name__}; give it as a text.")
    arn = parse_arn(text, "The user profile ARN", "sagemaker")
    parts = arn.resource.split("/")
    if len(parts) != 3 or parts[0] != "user-profile" or not arn.region or not arn.account:
        raise InputError(
            f"The user profile ARN is {text!r}, which is not that of a user profile; give one of the form "
            "arn:aws:sagemaker:REGION:ACCOUNT:user-profile/d-DOMAIN/NAME."
        )
    if not _DOMAIN.fullmatch(parts[1]) or not _PROFILE.fullmatch(parts[2]):
        raise InputError(
            f"The user profile ARN is {text!r}, whose domain or name is malformed; a domain is like d-abc123def456, "
            "a name has letters, digits and hyphens."
        )
    return ProfileAddress(arn, parts[1], parts[2])


def check_request(request: PresignedRequest) -> None:
    """Raise InputError for what cannot be right, before any call."""
    _check_range(request.expires_in, _LIFE, "expires_in")
    if request.session_seconds is not None:
        _check_range(request.session_seconds, _SESSION, "session_expires_in")
    package = request.model_package_arn
    if package is not None:
        _check_package(package, request.profile)
    path = request.landing_path
    if path is not None and len(path) > _LONGEST_LANDING:
        raise InputError(f"landing_path has {len(path)} characters; AWS takes at most {_LONGEST_LANDING}.")
    if package is None and path is not None and re.search(r"\{(group|version)\}", path):
        raise InputError(f"landing_path is {path!r}, which needs model_package_arn to fill in group and version.")


def _check_range(value: int, bounds: tuple[int, int], option: str) -> None:
    if not bounds[0] <= value <= bounds[1]:
        raise InputError(f"{option} is {value}; it must be from {bounds[0]} to {bounds[1]} seconds.")


def _check_package(text: str, profile: ProfileAddress) -> None:
    arn = parse_arn(text, "model_package_arn", "sagemaker")
    if not re.fullmatch(r"model-package/[^/]+/\d+", arn.resource):
        raise InputError(
            f"model_package_arn is {text!r}, which is not that of a version in a group; give one of the form "
            "arn:aws:sagemaker:REGION:ACCOUNT:model-package/GROUP/VERSION."
        )
    if arn.region != profile.arn.region:
        raise InputError(
            f"model_package_arn is in the region {arn.region!r}, and the user profile in {profile.arn.region!r}; "
            "Studio shows the packages of its own region."
        )


def create_presigned_url(sagemaker: ServiceClient, request: PresignedRequest) -> PresignedUrl:
    """A fresh URL; one call, two with a model package, and more only to say what is wrong.

    Raises AwsError for a missing profile or package and for a domain whose users sign in by SSO.
    """
    profile = request.profile
    parameters: dict[str, Any] = {"DomainId": profile.domain_id, "ExpiresInSeconds": request.expires_in}
    if request.session_seconds is not None:
        parameters["SessionExpirationDurationInSeconds"] = request.session_seconds
    landing = _landing_uri(sagemaker, request)
    if landing:
        parameters["LandingUri"] = landing
    try:
        answer = sagemaker.find(
            *("create_presigned_domain_url", str(profile.arn), _ABSENT), UserProfileName=profile.name, **parameters
        )
    except AwsError as error:
        raise _explained(sagemaker, profile, error) from error
    if answer is None:
        name = _true_name(sagemaker, profile)
        answer = sagemaker.call("create_presigned_domain_url", str(profile.arn), UserProfileName=name, **parameters)
    return PresignedUrl(sagemaker.required(answer, "AuthorizedUrl", "create_presigned_domain_url", str(profile.arn)))


def _landing_uri(sagemaker: ServiceClient, request: PresignedRequest) -> str | None:
    path, package = request.landing_path, request.model_package_arn
    if package is None:
        return None if path is None else _in_studio(path)
    found = sagemaker.find("describe_model_package", package, ("ValidationException",), ModelPackageName=package)
    if found is None:
        raise AwsError(f"There is no model package {package}.")
    # An ARN may have its group's name in lower case, so the name is asked for.
    group = sagemaker.required(found, "ModelPackageGroupName", "describe_model_package", package)
    group = str(group).rsplit("/", 1)[-1]
    chosen = (path or PACKAGE_PATH).replace("{group}", group).replace("{version}", package.rsplit("/", 1)[-1])
    return _in_studio(chosen)


def _in_studio(path: str) -> str:
    """AWS wants `studio::path`; a landing URI that names an app is taken as it is."""
    return path if path.startswith(("studio::", "app:")) else f"studio::{path.lstrip('/')}"


def _true_name(sagemaker: ServiceClient, profile: ProfileAddress) -> str:
    """The name of the profile as it was given: AWS writes it in lower case in the ARN."""
    found = sagemaker.pages(
        *("list_user_profiles", profile.domain_id, "UserProfiles"), DomainIdEquals=profile.domain_id
    )
    names = [str(entry["UserProfileName"]) for entry in found]
    for name in names:
        if name != profile.name and name.lower() == profile.name.lower():
            return name
    raise AwsError(
        f"There is no user profile {profile.name!r} in the Studio domain {profile.domain_id} ({profile.arn})."
    )


def _explained(sagemaker: ServiceClient, profile: ProfileAddress, error: AwsError) -> AwsError:
    """The error, or the one sentence that says that the domain is in SSO mode."""
    if not error.code.startswith("Validation"):
        return error
    try:
        domain = sagemaker.call("describe_domain", profile.domain_id, DomainId=profile.domain_id)
    except AwsError:
        return error
    if domain.get("AuthMode") != "SSO":
        return error
    return AwsError(
        f"The users of the Studio domain {profile.domain_id} sign in through IAM Identity Center (AuthMode SSO), and "
        "AWS makes presigned URLs only for domains with AuthMode IAM; use a user profile of such a domain.",
        code=error.code,
    )
