"""No redirect of a store is followed: the place that the policy lists is the place that is read, and no more of it.

The libraries follow them by themselves: a bucket that redirects would choose where the bot, in its network, asks next.
Loading this module loads aiohttp, which comes with each of the libraries.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aiohttp

from promotebot.storage.uri import BLOCK


class Redirected(Exception):
    """A store that leads to another place."""


async def _refuse(_session: Any, _context: SimpleNamespace, parameters: aiohttp.TraceRequestRedirectParams) -> None:
    """Raise before a redirect is followed. An answer without a new address is left to the library, which reads it."""
    headers = parameters.response.headers
    if "Location" in headers or "URI" in headers:
        raise Redirected


class RangeIgnored(Exception):
    """A store that gives more of a file than it was asked for: all of it would be in memory at once."""


async def _measure(_session: Any, _context: SimpleNamespace, parameters: aiohttp.TraceRequestEndParams) -> None:
    if "Range" in parameters.headers and (parameters.response.content_length or 0) > BLOCK:
        raise RangeIgnored


def trace_config() -> aiohttp.TraceConfig:
    """Return what makes a session of aiohttp refuse both: https://docs.aiohttp.org/en/stable/tracing_reference.html"""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse)
    trace.on_request_end.append(_measure)
    trace.freeze()
    return trace


def s3_session() -> type:
    """Return the class of sessions for S3 that follows no redirect; aiobotocore has no option for it.

    Raises:
        LookupError: where its sessions are not made as they are here: then nobody knows what they do.
    """
    from aiobotocore.httpsession import AIOHTTPSession

    if not hasattr(AIOHTTPSession, "_get_session"):
        raise LookupError

    class Session(AIOHTTPSession):  # type: ignore[misc]  # it ships no types
        async def _get_session(self, proxy_url: str | None) -> aiohttp.ClientSession:
            session: aiohttp.ClientSession = await super()._get_session(proxy_url)
            if not session.trace_configs:
                session.trace_configs.append(trace_config())
            return session

    return Session


def refuse_for_azure(filesystem: Any) -> None:
    """Make the client of adlfs follow no redirect; neither has an option for it.

    Raises:
        LookupError: where the client has no such part: then nobody knows what it does.
    """
    from azure.core.pipeline.policies import AsyncRedirectPolicy

    policies = [
        one for one in filesystem.service_client._pipeline._impl_policies if isinstance(one, AsyncRedirectPolicy)
    ]
    if not policies:
        raise LookupError
    for policy in policies:
        policy.allow = False
