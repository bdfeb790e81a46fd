# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets Manager on moto: the ARN that a call is judged by."""

from __future__ import annotations

from moto.secretsmanager import responses, urls

SUFFIX = "-AbCdEf"
"""AWS ends the ARN of a secret with a hyphen and six characters; a policy matches them by -?????? or by a star."""


class FaithfulSecretsManagerResponse(responses.SecretsManagerResponse):
    """Names the secret of a call, also one that is yet to be made."""

    def _determine_resource(self) -> str:
        name = self._get_param("SecretId") or self._get_param("Name")
        if not name or name.startswith("arn:"):
            return name or "*"
        known = next((secret.arn for secret in self.backend.secrets.values() if secret.name == name), None)
        return known or f"arn:aws:secretsmanager:{self.region}:{self.current_account}:secret:{name}{SUFFIX}"


def install() -> None:
    for path in urls.url_paths:
        urls.url_paths[path] = FaithfulSecretsManagerResponse.dispatch
