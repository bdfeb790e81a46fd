# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that work on kept connections."""

from __future__ import annotations


class ModuleDocFragment:
    """C(wxgov.sagemaker.connections)."""

    DOCUMENTATION = r"""
options:
  connections_store:
    description:
      - Where connections are kept.
      - V(directory) is a directory of the host the module runs on, with a file for each connection.
      - V(secretsmanager) is AWS Secrets Manager, with a secret for each connection. It is reached with the AWS
        credentials that the module's process finds by itself, and needs boto3 on the host the module runs on.
      - To read there, they need C(secretsmanager:ListSecrets) and C(secretsmanager:GetSecretValue); to write also
        C(secretsmanager:CreateSecret), C(secretsmanager:PutSecretValue), C(secretsmanager:UpdateSecretVersionStage),
        C(secretsmanager:DescribeSecret), C(secretsmanager:DeleteSecret) and C(secretsmanager:RestoreSecret).
      - A removed secret can be had back for seven days.
    type: str
    choices: [directory, secretsmanager]
    default: directory
  connections_dir:
    description:
      - Directory of the connections' files.
    type: path
    default: /etc/wxgov-sagemaker/connections.d
  secrets_prefix:
    description:
      - What the secrets' names begin with, before the connection's name.
    type: str
    default: wxgov-sagemaker/connections/
  secrets_region:
    description:
      - AWS region of the secrets. If not set, it is the one of the process's AWS settings.
    type: str
"""
