"""What the bot asks of GitHub, and PyGithub answering it. The only module that imports PyGithub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

import github
from github.GithubException import GithubException
from requests import RequestException

from bot.errors import CouldNotVerify, InvalidInput
from bot.github.checks import MAX_SUMMARY, Conclusion
from bot.promotion.policy import Permission
from bot.settings import Settings

TIMEOUT_SECONDS = 20
READ_RETRIES = 3
PAGE = 100


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
        """A client for the job's repository; no request is made yet."""
        retry = github.GithubRetry(total=retries, backoff_factor=0.5, allowed_methods=frozenset({"GET"}))
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
        for key in ("role_name", "permission"):
            name = str(found.get(key, "")).upper()
            if name in Permission.__members__:
                return Permission[name]
        return Permission.NONE

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
                author=found.user.login,
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
            mine = self._find(pull, marker, author_login)
            verb, url = (
                ("PATCH", f"{self._repo.url}/issues/comments/{mine.id}")
                if mine
                else ("POST", f"{self._repo.url}/issues/{pull}/comments")
            )
            _, written = self._repo.requester.requestJsonAndCheck(verb, url, input={"body": body})
            return str(written["html_url"])

    def _find(self, pull: int, marker: str, author_login: str) -> IssueComment | None:
        """All pages are read: a marker in somebody else's comment counts for nothing."""
        page = 1
        while True:
            _, found = self._repo.requester.requestJsonAndCheck(
                "GET", f"{self._repo.url}/issues/{pull}/comments", parameters={"per_page": PAGE, "page": page}
            )
            for item in found:
                if item["user"] and item["user"]["login"] == author_login and (item["body"] or "").startswith(marker):
                    return _comment(item)
            if len(found) < PAGE:
                return None
            page += 1

    def publish_check(
        self, head_sha: str, *, name: str, conclusion: Conclusion, title: str, summary: str, text: str
    ) -> None:
        """A completed check run on a commit; a commit status where the token may not create check runs.

        https://docs.github.com/en/rest/checks/runs#create-a-check-run: only GitHub Apps can.
        """
        output = {"title": title[:255], "summary": summary[:MAX_SUMMARY]}
        run = {
            "name": name,
            "head_sha": head_sha,
            "status": "completed",
            "conclusion": conclusion,
            "output": output | ({"text": text[:MAX_SUMMARY]} if text else {}),
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
    author = found["user"]["login"] if found["user"] else "ghost"
    return IssueComment(found["id"], found["body"] or "", author, created, updated, found["html_url"])


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
    except (KeyError, TypeError, ValueError, AttributeError, AssertionError) as problem:
        raise CouldNotVerify(
            f"GitHub's answer to the request to {what} is not understood ({type(problem).__name__})",
            remedy="run the job again",
        ) from None


def _explained(what: str, problem: GithubException, needs: str) -> CouldNotVerify | InvalidInput:
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
        return CouldNotVerify(message, remedy=f"run the job again in {headers.get('retry-after', 'a few')} seconds")
    return CouldNotVerify(
        message, remedy="run the job again; https://www.githubstatus.com shows whether GitHub is well"
    )
