# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that log in to a Governance console."""

from __future__ import annotations


class ModuleDocFragment:
    """C(wxgov.sagemaker.console)."""

    DOCUMENTATION = r"""
options:
  console_url:
    description:
      - Address of the Governance console, such as V(https://HOST), V(https://HOST/opgrc/api) or, on Cloud Pak for
        Data, V(https://HOST/openpages-INSTANCE-opgrc). On AWS this is the console's fixed URL.
      - If not set, the environment variable E(WXGOV_CONSOLE_URL) is used.
    type: str
  console_auth_method:
    description:
      - How to log in.
      - V(mcsp) is the API key of a service ID of the SaaS console on AWS. Needs O(console_api_key) and
        O(console_instance_id).
      - V(mcsp_account) is the same with O(console_instance_id) being the id of the SaaS account.
      - V(ibm_cloud) is an IBM Cloud API key. Needs O(console_api_key); newer consoles also want
        O(console_instance_id).
      - V(cp4d) is a user of Cloud Pak for Data. Needs O(console_username) and O(console_password).
      - V(zen_api_key) is a user of Cloud Pak for Data. Needs O(console_username) and O(console_api_key).
      - V(basic) is a user of OpenPages itself. Needs O(console_username) and O(console_password).
      - If not set, the environment variable E(WXGOV_CONSOLE_AUTH_METHOD) is used.
    type: str
    choices: [mcsp, mcsp_account, ibm_cloud, cp4d, zen_api_key, basic]
  console_api_key:
    description:
      - The API key. It can be kept elsewhere, with one of O(console_api_key_file), O(console_api_key_env) and
        O(console_api_key_secret) in its place.
      - If not set, the environment variable E(WXGOV_CONSOLE_API_KEY) is used.
    type: str
  console_api_key_file:
    description:
      - File that holds the API key and nothing else, instead of O(console_api_key). It is read anew at each login,
        and once when the console refuses what was read, so the API key can be rotated while the agent runs.
      - The file must be readable by its owner only. A name without a leading slash is looked for in the directory
        that systemd names in E(CREDENTIALS_DIRECTORY), which C(LoadCredential=) fills.
      - If not set, the environment variable E(WXGOV_CONSOLE_API_KEY_FILE) is used.
    type: str
  console_api_key_env:
    description:
      - Name of an environment variable that holds the API key, instead of O(console_api_key). The environment is that
        of the process that logs in.
      - If not set, the environment variable E(WXGOV_CONSOLE_API_KEY_ENV) is used.
    type: str
  console_api_key_secret:
    description:
      - Name or ARN of a secret in AWS Secrets Manager that holds the API key, instead of O(console_api_key). It is
        either the secret's whole text, or the member C(api_key) of a JSON object. It is read when
        O(console_api_key_file) would be.
      - It is read with the AWS credentials that the process which logs in finds by itself, in the region of the ARN,
        else of the process. They need C(secretsmanager:GetSecretValue), and boto3 is needed there.
      - If not set, the environment variable E(WXGOV_CONSOLE_API_KEY_SECRET) is used.
    type: str
  console_instance_id:
    description:
      - Id of the service instance, shown on the SaaS console's page of instances.
      - If not set, the environment variable E(WXGOV_CONSOLE_INSTANCE_ID) is used.
    type: str
  console_token_url:
    description:
      - Address that gives out tokens, in whole or only up to its host, if it is not IBM's public one for the login
        method.
      - If not set, the environment variable E(WXGOV_CONSOLE_TOKEN_URL) is used.
    type: str
  console_username:
    description:
      - The user to log in as.
      - If not set, the environment variable E(WXGOV_CONSOLE_USERNAME) is used.
    type: str
  console_password:
    description:
      - The user's password. It can be kept elsewhere, with one of O(console_password_file), O(console_password_env)
        and O(console_password_secret) in its place.
      - If not set, the environment variable E(WXGOV_CONSOLE_PASSWORD) is used.
    type: str
  console_password_file:
    description:
      - File that holds the password and nothing else, instead of O(console_password). It is read anew at each login,
        and once when the console refuses what was read, so the password can be rotated while the agent runs.
      - The file must be readable by its owner only. A name without a leading slash is looked for in the directory
        that systemd names in E(CREDENTIALS_DIRECTORY), which C(LoadCredential=) fills.
      - If not set, the environment variable E(WXGOV_CONSOLE_PASSWORD_FILE) is used.
    type: str
  console_password_env:
    description:
      - Name of an environment variable that holds the password, instead of O(console_password). The environment is
        that of the process that logs in.
      - If not set, the environment variable E(WXGOV_CONSOLE_PASSWORD_ENV) is used.
    type: str
  console_password_secret:
    description:
      - Name or ARN of a secret in AWS Secrets Manager that holds the password, instead of O(console_password). It is
        either the secret's whole text, or the member C(password) of a JSON object. It is read when
        O(console_password_file) would be.
      - It is read with the AWS credentials that the process which logs in finds by itself, in the region of the ARN,
        else of the process. They need C(secretsmanager:GetSecretValue), and boto3 is needed there.
      - If not set, the environment variable E(WXGOV_CONSOLE_PASSWORD_SECRET) is used.
    type: str
  console_allow_http:
    description:
      - Whether credentials may be sent over plain HTTP to another machine. HTTP to this machine is always allowed.
    type: bool
  validate_certs:
    description:
      - Whether the console's TLS certificate is checked.
    type: bool
  ca_path:
    description:
      - File with the certificates of the authorities that certificates are checked against, the console's and that of
        the address that gives out tokens. An empty text means those of the system.
    type: str
"""
