"""GitHub's REST API through PyGithub: a request, every page, errors as ours. Nothing else imports PyGithub."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import github
from github.GithubException import GithubException
from github.Repository import Repository
from requests import RequestException
from requests.exceptions import ProxyError, SSLError
from urllib3 import Retry

from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify
from promotebot.github.beside import Beside
from promotebot.github.own_writes import OwnWrites
from promotebot.github.refused import AlreadyThere, NoSuchCommit, NotAccessible, NotFound, PersonalToken, Stale
from promotebot.github.server_time import ServerTime
from promotebot.settings import Settings

_T = TypeVar("_T")
_Fields = Mapping[str, Any] | None
TIMEOUT_SECONDS = 20
READ_RETRIES = 3
API_VERSION = "2022-11-28"
"""Newer ones drop fields that are read here: https://docs.github.com/en/rest/about-the-rest-api/api-versions"""
PAGE = 100
"""Items: the most that GitHub puts on one page."""
_STALE = ("STALE_DATA", "STALE_REF")
"""GraphQL's types of an error for a branch that is not where it was expected; GitHub documents neither."""


class Rest:
    """The REST API of one repository: requests below it, every page of a list, errors as CouldNotVerify."""

    def __init__(
        self,
        api: github.Github,
        repository: str,
        *,
        asking: github.Github | None = None,
        cost: Cost | None = None,
        now: ServerTime | None = None,
    ) -> None:
        self._api, self._asking = api, asking or api
        self._now = now or ServerTime(lambda: datetime.now(timezone.utc))
        self.repo: Repository = api.get_repo(repository)
        self.own = OwnWrites()
        self.beside = Beside(cost or Cost())

    @property
    def named(self) -> dict[str, Any]:
        """The repository as a question names it: owner and name."""
        owner, _, name = self.repo.full_name.partition("/")
        return {"owner": owner, "name": name}

    @classmethod
    def connect(
        cls, settings: Settings, *, retries: int = READ_RETRIES, cost: Cost | None = None, now: ServerTime | None = None
    ) -> Rest:
        """Return a client for the job's repository; no request is made yet.

        Reads are asked again after a server's error, a write never is: the first may have arrived. A rate limit
        ends the job at once; PyGithub's own GithubRetry would sleep until the limit's reset, up to an hour.

        Args:
            cost: where requests are counted; one that is asked again counts once.
            now: told when each answer was made.
        """
        # GraphQL asks by POST, so that what only asks there goes through a client of its own, which may ask again.
        api, asking = (
            github.Github(
                auth=github.Auth.Token(settings.token.get_secret_value()),
                base_url=settings.api_url,
                timeout=TIMEOUT_SECONDS,
                per_page=PAGE,
                retry=_retry(retries, methods),
                seconds_between_requests=None,
                seconds_between_writes=None,
                user_agent="promotebot",
                api_version=API_VERSION,
                lazy=True,
            )
            for methods in ({"GET"}, {"GET", "POST"})
        )
        return cls(api, settings.repository, asking=asking, cost=cost, now=now)

    def close(self) -> None:
        """Close the connections."""
        self.beside.close()
        self._api.close()
        self._asking.close()

    def graphql(
        self,
        document: str,
        variables: Mapping[str, Any],
        *,
        purpose: str,
        needs: str = "",
        writes: bool = False,
    ) -> Any:
        """Return the `data` that GitHub answers to a GraphQL document.

        https://docs.github.com/en/graphql/guides/forming-calls-with-graphql

        Args:
            purpose: what is done, in words that continue "GitHub refused to …".
            needs: the line of `permissions:` it takes, named where it is missing.
            writes: a mutation, which is never sent twice: the first may have arrived.

        Raises:
            CouldNotVerify: when GitHub refuses any field, or does not answer; NotFound where it knows no such thing.
        """
        requester = (self._api if writes else self._asking).requester
        with self.beside.request(writes=writes), translated(purpose, needs=needs):
            headers, answer = requester.graphql_query(document, dict(variables))
            self._now.heard(headers)
            return answer["data"]

    def request(
        self,
        verb: str,
        path: str,
        *,
        purpose: str,
        needs: str = "",
        body: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        is_below_repo: bool = True,
    ) -> Any:
        """Return the JSON that GitHub answers to one request; `path` is below the repository, or else GitHub's own.

        Args:
            purpose: what is done, in words that continue "GitHub refused to …".
            needs: the line of `permissions:` it takes, named where it is missing.

        Raises:
            CouldNotVerify: when GitHub refuses, or does not answer.
        """
        url = f"{self.repo.url}{path}" if is_below_repo else path
        return self._answered(verb, url, purpose, needs, parameters, body)[1]

    def _answered(
        self, verb: str, url: str, purpose: str, needs: str, parameters: _Fields, body: _Fields = None
    ) -> Any:
        with self.beside.request(writes=verb != "GET"), translated(purpose, needs=needs):
            headers, answer = self.repo.requester.requestJsonAndCheck(
                verb, url, parameters=dict(parameters or {}), input=dict(body) if body else None
            )
            self._now.heard(headers)
            return headers, answer

    def pages(
        self, path: str, *, purpose: str, needs: str = "", parameters: Mapping[str, Any] | None = None, within: str = ""
    ) -> Iterator[Any]:
        """Yield every item of every page, as the Link header says: a page may hold fewer than asked for.

        https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api

        Args:
            within: the field of a page that has the items; empty where the page is the list.

        Raises:
            CouldNotVerify: when GitHub refuses, or does not answer.
        """
        page = 1
        while True:
            asked = {**(parameters or {}), "per_page": PAGE, "page": page}
            headers, answer = self._answered("GET", f"{self.repo.url}{path}", purpose, needs, asked)
            yield from answer[within] if within else answer
            if 'rel="next"' not in headers.get("link", ""):
                return
            page += 1

    def after_cursor(
        self, path: str, *, purpose: str, needs: str = "", parameters: Mapping[str, Any] | None = None
    ) -> Iterator[Any]:
        """Yield every item of a list that goes on by cursor instead of by page.

        Raises:
            CouldNotVerify: when GitHub refuses, or does not answer.
        """
        asked = {**(parameters or {}), "per_page": PAGE}
        while True:
            headers, answer = self._answered("GET", f"{self.repo.url}{path}", purpose, needs, asked)
            yield from answer
            following = re.search(r"[?&]after=([^&>]+)[^>]*>; rel=\"next\"", headers.get("link", ""))
            if following is None:
                return
            asked["after"] = unquote(following[1])

    def listed(
        self,
        read: Callable[[Any], _T],
        path: str,
        *,
        purpose: str,
        needs: str,
        parameters: Mapping[str, Any] | None = None,
        within: str = "",
    ) -> list[_T]:
        """Return every item of every page, each as `read` reads it.

        Raises:
            CouldNotVerify: also for an item that does not read.
        """
        with translated(purpose):
            pages = self.pages(path, purpose=purpose, needs=needs, parameters=parameters, within=within)
            return [read(item) for item in pages]


def _retry(times: int, methods: Collection[str]) -> Retry:
    return Retry(
        total=times,
        backoff_factor=0.5,
        allowed_methods=frozenset(methods),
        status_forcelist=(500, 502, 503, 504),
        respect_retry_after_header=False,
        raise_on_status=False,
    )


def segment(text: str) -> str:
    """Return a value as one part of a path: a slash in it starts no other."""
    return quote(text, safe="")


_UNREACHABLE = {
    SSLError: "set REQUESTS_CA_BUNDLE to the file with the certificate authority of the server (docs/ghes.md)",
    ProxyError: "check that HTTPS_PROXY and NO_PROXY are right for the server (docs/ghes.md)",
}
"""What to do about a way to GitHub that is not the public one."""


@contextmanager
def translated(purpose: str, *, needs: str = "") -> Iterator[None]:
    """Turn PyGithub's and requests' errors into CouldNotVerify: what was asked, GitHub's reason, what to do next.

    Args:
        purpose: what is done, in words that continue "GitHub refused to …".
        needs: the line of `permissions:` it takes, named where it is missing.
    """
    try:
        yield
    except GithubException as problem:
        raise _explained(purpose, problem, needs) from None
    except RequestException as problem:
        raise CouldNotVerify(
            f"GitHub did not answer the request to {purpose} ({type(problem).__name__})",
            remedy=next(
                (remedy for kind, remedy in _UNREACHABLE.items() if isinstance(problem, kind)), "run the job again"
            ),
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError, AssertionError, RuntimeError) as problem:
        # RuntimeError is PyGithub's for a redirect to another host, which must not see the token
        raise CouldNotVerify(
            f"GitHub's answer to the request to {purpose} is not understood ({type(problem).__name__})",
            remedy="run the job again",
        ) from None


def _explained(purpose: str, problem: GithubException, needs: str) -> CouldNotVerify:
    """Return the error for what GitHub refused, with the remedy for its reason.

    https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
    """
    reason, kind = _reason(problem.data)
    headers = {key.lower(): value for key, value in (problem.headers or {}).items()}
    message = f"GitHub refused to {purpose}: {kind or problem.status} {' '.join(reason.split())[:200]}".rstrip()
    if problem.status == 404 or (problem.status == 422 and reason.startswith("Reference does not exist")):
        return NotFound(message, remedy="see whether it is still there, and whether the token may read the repository")
    if problem.status == 422 and reason.startswith("No commit found for SHA"):
        return NoSuchCommit(message, remedy="name a commit of this repository")
    if problem.status == 422 and reason.startswith("Reference already exists"):
        return AlreadyThere(message, remedy="choose another name")
    if kind in _STALE:
        return Stale(message, remedy="run the job again")
    if problem.status == 403 and "not accessible by personal access token" in reason:
        return PersonalToken(message, remedy=f"use a token of an App, or add `{needs}`")
    if problem.status == 403 and "authenticate via a GitHub App" in reason:
        return PersonalToken(message, remedy="use a token of an App")
    if "not accessible by integration" in reason and (problem.status == 403 or kind == "FORBIDDEN"):
        wanted = headers.get("x-accepted-github-permissions", "").replace("=", ": ") or needs or "the missing line"
        return NotAccessible(message, remedy=f"add `{wanted}` under `permissions:` of the job")
    limited = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    if kind == "RATE_LIMITED" or (problem.status in (403, 429) and limited):
        return CouldNotVerify(message, remedy=f"run the job again {_when(headers)}")
    if kind and needs:
        return CouldNotVerify(message, remedy=f"check that the job has `{needs}`, and what the branch's rules forbid")
    return CouldNotVerify(
        message, remedy="run the job again; https://www.githubstatus.com shows whether GitHub is well"
    )


def _reason(data: Any) -> tuple[str, str]:
    """Return GitHub's words for what it refused, and the error's type where GraphQL said it; empty for REST."""
    if not isinstance(data, dict):
        return "", ""
    first = next(iter(data.get("errors") or ()), None) if "message" not in data else None
    if isinstance(first, dict):
        return str(first.get("message", "")), str(first.get("type", ""))
    return str(data.get("message", "")), ""


def _when(headers: Mapping[str, str]) -> str:
    """Return when GitHub listens again, for a person: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api"""
    wait, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if wait.isdecimal():
        return f"in {wait} seconds"
    if reset.isdecimal() and len(reset) <= 11:
        return f"after {datetime.fromtimestamp(int(reset), timezone.utc):%H:%M:%S} UTC, when the rate limit is reset"
    return "in a few minutes"
