"""What the bot asks of GitHub, and PyGithub answering it. The only module that imports PyGithub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol
from urllib.parse import quote

import github
from github.GithubException import GithubException
from requests import RequestException
from urllib3 import Retry

from bot.errors import CouldNotVerify
from bot.github.checks import MAX_SUMMARY, Conclusion
from bot.github.markdown import cut
from bot.promotion.policy import Permission
from bot.settings import Settings

TIMEOUT_SECONDS = 20
READ_RETRIES = 3
PAGE = 100
# What a legacy permission may stand for. A role that is not in its line is a custom one, whatever its name.
_ROLES = {"admin": ("admin",), "write": ("write", "maintain"), "read": ("read", "triage"), "none": ()}
GHOST = "ghost"  # how GitHub shows an account that was deleted


@dataclass(frozen=True)
class PullRequest:
    """A pull request as the API shows it now."""

    number: int
    title: str
    state: str
    merged: bool
    merged_at: datetime | None
    draft: bool
    author: str
    head_sha: str
    head_ref: str
    base_ref: str
    is_fork: bool


@dataclass(frozen=True)
class IssueComment:
    """A comment as the API shows it now."""

    id: int
    body: str
    author: str
    created_at: datetime
    updated_at: datetime
    html_url: str


class GitHub(Protocol):
    """The operations the bot needs. Every one raises CouldNotVerify when GitHub does not answer."""

    def permission(self, login: str) -> Permission: ...

    def pull(self, number: int) -> PullRequest: ...

    def comment(self, comment_id: int) -> IssueComment: ...

    def default_branch(self) -> str: ...

    def react(self, comment_id: int, content: str) -> None: ...

    def find_comment(self, pull: int, marker: str, *, author_login: str) -> IssueComment | None: ...

    def upsert_comment(self, pull: int, marker: str, body: str, *, author_login: str) -> str: ...

    def publish_check(
        self, head_sha: str, *, name: str, conclusion: Conclusion, title: str, summary: str, text: str
    ) -> None: ...

    def close(self) -> None: ...


class PyGithubClient:
    """GitHub's REST API through PyGithub, errors translated in one place."""

    def __init__(self, api: github.Github, repository: str) -> None:
        self._api = api
        self._repo = api.get_repo(repository)

    @classmethod
    def connect(cls, settings: Settings, *, retries: int = READ_RETRIES) -> PyGithubClient:
        """A client for the job's repository; no request is made yet.

        Reads are asked again after a server's error, a write never is: the first may have arrived. A rate limit
        ends the job at once; PyGithub's own GithubRetry would sleep until the limit's reset, up to an hour.
        """
        retry = Retry(
            total=retries,
            backoff_factor=0.5,
            allowed_methods=frozenset({"GET"}),
            status_forcelist=(500, 502, 503, 504),
            respect_retry_after_header=False,
            raise_on_status=False,
        )
        api = github.Github(
            auth=github.Auth.Token(settings.token.get_secret_value()),
            base_url=settings.api_url,
            timeout=TIMEOUT_SECONDS,
            per_page=PAGE,
            retry=retry,
            seconds_between_requests=None,
            seconds_between_writes=None,
            user_agent="promotebot",
            lazy=True,
        )
        return cls(api, settings.repository)

    def close(self) -> None:
        self._api.close()

    def permission(self, login: str) -> Permission:
        """The role of a user; a custom role counts as the legacy permission GitHub derives for it.

        https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
        """
        with _translated(f"ask for the permission of {login}"):
            _, found = self._repo.requester.requestJsonAndCheck(
                "GET", f"{self._repo.url}/collaborators/{quote(login, safe='')}/permission"
            )
            role, legacy = found.get("role_name"), found["permission"]
            name = role if role in _ROLES[legacy] else legacy
            return Permission[name.upper()]

    def pull(self, number: int) -> PullRequest:
        with _translated(f"read pull request #{number}"):
            found = self._repo.get_pull(number)
            head_repo = found.head.repo
            return PullRequest(
                number=number,
                title=found.title,
                state=found.state,
                merged=found.merged,
                merged_at=found.merged_at,
                draft=found.draft,
                author=found.user.login if found.user else GHOST,
                head_sha=found.head.sha,
                head_ref=found.head.ref,
                base_ref=found.base.ref,
                is_fork=head_repo is None or head_repo.id != found.base.repo.id,
            )

    def comment(self, comment_id: int) -> IssueComment:
        with _translated("read the comment again"):
            _, found = self._repo.requester.requestJsonAndCheck("GET", f"{self._repo.url}/issues/comments/{comment_id}")
            return _comment(found)

    def default_branch(self) -> str:
        with _translated("read the repository"):
            _, found = self._repo.requester.requestJsonAndCheck("GET", self._repo.url)
            return str(found["default_branch"])

    def react(self, comment_id: int, content: str) -> None:
        with _translated("react"):
            self._repo.requester.requestJsonAndCheck(
                "POST", f"{self._repo.url}/issues/comments/{comment_id}/reactions", input={"content": content}
            )

    def upsert_comment(self, pull: int, marker: str, body: str, *, author_login: str) -> str:
        """Update the comment that starts with our marker and is ours, or write it; returns its address."""
        with _translated("write the comment"):
            mine = self.find_comment(pull, marker, author_login=author_login)
            verb, url = (
                ("PATCH", f"{self._repo.url}/issues/comments/{mine.id}")
                if mine
                else ("POST", f"{self._repo.url}/issues/{pull}/comments")
            )
            _, written = self._repo.requester.requestJsonAndCheck(verb, url, input={"body": body})
            return str(written["html_url"])

    def find_comment(self, pull: int, marker: str, *, author_login: str) -> IssueComment | None:
        """The oldest comment of ours that starts with a marker; in somebody else's a marker counts for nothing."""
        with _translated(f"read the comments of #{pull}"):
            for item in self._comments(pull):
                if _is_by(item["user"], author_login) and (item["body"] or "").startswith(marker):
                    return _comment(item)
        return None

    def _comments(self, pull: int) -> Iterator[dict[str, Any]]:
        """Every page, as the Link header says, never by counting: a page may hold fewer than were asked for.

        https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
        """
        page = 1
        while True:
            headers, found = self._repo.requester.requestJsonAndCheck(
                "GET", f"{self._repo.url}/issues/{pull}/comments", parameters={"per_page": PAGE, "page": page}
            )
            yield from found
            if 'rel="next"' not in headers.get("link", ""):
                return
            page += 1

    def publish_check(
        self, head_sha: str, *, name: str, conclusion: Conclusion, title: str, summary: str, text: str
    ) -> None:
        """A completed check run on a commit; a commit status where the token may not create check runs.

        https://docs.github.com/en/rest/checks/runs#create-a-check-run: only GitHub Apps can.
        """
        output = {"title": title[:255], "summary": cut(summary, MAX_SUMMARY)}
        run = {
            "name": name,
            "head_sha": head_sha,
            "status": "completed",
            "conclusion": conclusion,
            "output": output | ({"text": cut(text, MAX_SUMMARY)} if text else {}),
        }
        try:
            with _translated("publish the check", needs="checks: write"):
                self._repo.requester.requestJsonAndCheck("POST", f"{self._repo.url}/check-runs", input=run)
        except _PersonalToken:
            with _translated("publish the status", needs="statuses: write"):
                self._repo.requester.requestJsonAndCheck(
                    "POST",
                    f"{self._repo.url}/statuses/{head_sha}",
                    input={"state": conclusion, "context": name, "description": title[:140]},
                )


class _PersonalToken(CouldNotVerify):
    """The token belongs to a person, who cannot create check runs."""


def _comment(found: dict[str, Any]) -> IssueComment:
    created, updated = (
        datetime.fromisoformat(found[key].replace("Z", "+00:00")) for key in ("created_at", "updated_at")
    )
    author = found["user"]["login"] if found["user"] else GHOST
    return IssueComment(found["id"], found["body"] or "", author, created, updated, found["html_url"])


def _is_by(user: Mapping[str, Any] | None, login: str) -> bool:
    """Login and type: an App's login ends with [bot], which no person's can."""
    return user is not None and user["login"] == login and (user["type"] == "Bot") == login.endswith("[bot]")


@contextmanager
def _translated(what: str, *, needs: str = "") -> Iterator[None]:
    """PyGithub's and requests' errors as ours: what was asked, what GitHub said, what to do next."""
    try:
        yield
    except GithubException as problem:
        raise _explained(what, problem, needs) from None
    except RequestException as problem:
        raise CouldNotVerify(
            f"GitHub did not answer the request to {what} ({type(problem).__name__})", remedy="run the job again"
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError, AssertionError, RuntimeError) as problem:
        # RuntimeError is PyGithub's for a redirect to another host, which must not see the token
        raise CouldNotVerify(
            f"GitHub's answer to the request to {what} is not understood ({type(problem).__name__})",
            remedy="run the job again",
        ) from None


def _explained(what: str, problem: GithubException, needs: str) -> CouldNotVerify:
    said = problem.data.get("message", "") if isinstance(problem.data, dict) else ""
    headers = {key.lower(): value for key, value in (problem.headers or {}).items()}
    message = f"GitHub refused to {what}: {problem.status} {' '.join(str(said).split())[:200]}".rstrip()
    if problem.status == 403 and "not accessible by personal access token" in str(said):
        return _PersonalToken(message, remedy=f"use a token of an App, or add `{needs}`")
    if problem.status == 403 and "authenticate via a GitHub App" in str(said):
        return _PersonalToken(message, remedy="use a token of an App")
    if problem.status == 403 and "not accessible by integration" in str(said):
        wanted = headers.get("x-accepted-github-permissions", "").replace("=", ": ") or needs or "the missing line"
        return CouldNotVerify(message, remedy=f"add `{wanted}` under `permissions:` of the job")
    if problem.status in (403, 429) and ("retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"):
        return CouldNotVerify(message, remedy=f"run the job again {_when(headers)}")
    return CouldNotVerify(
        message, remedy="run the job again; https://www.githubstatus.com shows whether GitHub is well"
    )


def _when(headers: Mapping[str, str]) -> str:
    """When GitHub listens again: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api"""
    wait, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if wait.isdecimal():
        return f"in {wait} seconds"
    if reset.isdecimal() and len(reset) <= 11:
        return f"after {datetime.fromtimestamp(int(reset), timezone.utc):%H:%M:%S} UTC, when the rate limit is reset"
    return "in a few minutes"
