"""How fsspec opens each kind of store: which library, which address, which credentials, all from the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure"}
"""Scheme → the extra of the package that brings its library."""
_LIBRARIES = {
    "s3": ("s3fs", "S3FileSystem"),
    "gs": ("gcsfs.core", "GCSFileSystem"),
    "az": ("adlfs", "AzureBlobFileSystem"),
}
CONNECT_SECONDS, READ_SECONDS = 20, 60
"""To connect, and between two pieces of an answer."""
ANONYMOUS = "PROMOTEBOT_STORAGE_ANONYMOUS"
"""Set to `true` for buckets that everybody may read, in a place without credentials."""


class NoExtra(Exception):
    """The library of a store is not installed."""


def open_filesystem(scheme: str, environment: Mapping[str, str]) -> Any:
    """Return fsspec's file system for a scheme; nothing is asked of a server yet. Raises NoExtra."""
    module, name = _LIBRARIES[scheme]
    try:
        made = getattr(import_module(module), name)
    except ImportError:
        raise NoExtra(module) from None
    filesystem = made(**_OPTIONS[scheme](environment), skip_instance_cache=True, use_listings_cache=False)
    # s3fs tries five times with short pauses, and botocore below it as well, with longer ones.
    filesystem.retries = 3
    if scheme == "az":
        from promotebot.storage.redirects import refuse_for_azure

        refuse_for_azure(filesystem)
    return filesystem


def _s3(environment: Mapping[str, str]) -> dict[str, Any]:
    """The names of Amazon's own tools: https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html"""
    from promotebot.storage.redirects import s3_session

    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    return {
        "key": environment.get("AWS_ACCESS_KEY_ID") or None,
        "secret": environment.get("AWS_SECRET_ACCESS_KEY") or None,
        "token": environment.get("AWS_SESSION_TOKEN") or None,
        "endpoint_url": environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or None,
        "anon": _is_anonymous(environment),
        "version_aware": True,
        "client_kwargs": {"region_name": region} if region else {},
        "config_kwargs": {
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "http_session_cls": s3_session(),
            "retries": {"mode": "standard", "total_max_attempts": 2},
        },
    }


def _gs(environment: Mapping[str, str]) -> dict[str, Any]:
    """Google's library finds the credentials by itself: https://google.aip.dev/auth/4110"""
    from promotebot.storage.redirects import trace_config

    return {
        "token": "anon" if _is_anonymous(environment) else "google_default",
        "access": "read_only",
        "endpoint_url": environment.get("STORAGE_EMULATOR_HOST") or None,
        "version_aware": True,
        "requests_timeout": READ_SECONDS,
        "session_kwargs": {"trace_configs": [trace_config()]},
    }


def _az(environment: Mapping[str, str]) -> dict[str, Any]:
    """The names of Azure's own tools: https://learn.microsoft.com/en-us/cli/azure/authenticate-azure-cli"""
    names = {
        "account_name": "AZURE_STORAGE_ACCOUNT_NAME",
        "account_key": "AZURE_STORAGE_ACCOUNT_KEY",
        "connection_string": "AZURE_STORAGE_CONNECTION_STRING",
        "sas_token": "AZURE_STORAGE_SAS_TOKEN",
        "client_id": "AZURE_CLIENT_ID",
        "client_secret": "AZURE_CLIENT_SECRET",
        "tenant_id": "AZURE_TENANT_ID",
    }
    return {
        **{option: environment.get(name) or None for option, name in names.items()},
        "anon": _is_anonymous(environment),
        "version_aware": True,
        "connection_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
    }


def _is_anonymous(environment: Mapping[str, str]) -> bool:
    return environment.get(ANONYMOUS, "").lower() == "true"


_OPTIONS: Mapping[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {"s3": _s3, "gs": _gs, "az": _az}
