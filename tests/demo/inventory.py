# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's inventory: one registry account, one host for the agent, everything on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.demo.emulators import CHECKOUT
from tests.demo.scenario import ACCOUNT, AGENT_ACCOUNT, DEFAULT_USER, ENTITY, INSPECTOR_ROLE, REGION

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


def aws_environment(endpoint: str, account: str) -> dict[str, str]:
    """The environment in which any AWS SDK works as `account` against the emulator."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "emulated",
    }


def agent_settings(*, console_poll_seconds: int) -> dict[str, Any]:
    """The agent's settings; the status page takes any free port."""
    return {"listen": "127.0.0.1:0", "console_poll_seconds": console_poll_seconds}


def inventory(folder: Path, aws: str, console: str) -> dict[str, Any]:
    """Return the inventory; everything that is written goes below `folder`."""
    account = {
        **LOCAL,
        "wxgov_aws_environment": aws_environment(aws, ACCOUNT),
        "wxgov_connection_name": "production",
        "wxgov_description": "The registry of the production account",
        "wxgov_business_entity": ENTITY,
        "wxgov_default_user": DEFAULT_USER,
        "aws_events_create_trail": True,
        "aws_access_install_source": "agent",
        "aws_access_agent_account_id": AGENT_ACCOUNT,
    }
    agent = {
        **LOCAL,
        "wxgov_agent_environment": {
            **aws_environment(aws, AGENT_ACCOUNT),
            "WXGOV_CONSOLE_URL": console,
            "WXGOV_CONSOLE_AUTH_METHOD": "mcsp",
            "WXGOV_CONSOLE_API_KEY": "demo-api-key",
            "WXGOV_CONSOLE_INSTANCE_ID": "demo-instance",
            "WXGOV_CONSOLE_TOKEN_URL": console,
        },
        "governance_connection_connections_dir": str(folder / "connections.d"),
        "sync_agent_service_manager": "process",
        "sync_agent_prefix": str(folder / "agent"),
        "sync_agent_config_dir": str(folder / "etc"),
        "sync_agent_state_dir": str(folder / "state"),
        "sync_agent_connections_dir": str(folder / "connections.d"),
        "sync_agent_wheelhouse": str(CHECKOUT / ".ansible" / "wheelhouse"),
        "sync_agent_environment": aws_environment(aws, AGENT_ACCOUNT),
        "sync_agent_settings": agent_settings(console_poll_seconds=3600),  # the calls of one event are counted first
        "wxgov_inspector_role_arn": f"arn:aws:iam::{{account_id}}:role/{INSPECTOR_ROLE}",
    }
    return {
        "all": {
            "children": {
                "registry_accounts": {"hosts": {f"account-{ACCOUNT}": account}},
                "sync_agents": {"hosts": {"agent-host": agent}},
            }
        }
    }
