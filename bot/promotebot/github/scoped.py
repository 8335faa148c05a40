"""GitHub for one of several registries in a repository: what it writes there has names that no other registry uses.

Everything that the bot finds again is named by a status's context or by the hidden first line of a text. Both get the
folder that the registry is for, here and nowhere else: nothing above this module knows of other registries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from promotebot.cost import Cost
from promotebot.environment import scoped
from promotebot.github.checks import Annotation, Conclusion, State
from promotebot.github.client import PyGithubClient
from promotebot.github.ports import CommitStatus, Deployment, Issue, IssueComment, PullRequest, PullState
from promotebot.github.rest import READ_RETRIES, Rest
from promotebot.github.server_time import ServerTime
from promotebot.settings import Settings

_OURS, _MARK = "promotebot/", "<!-- promotebot:"
_OTHERS = ": "
"""Stands before what belongs to the registry of the whole repository, so that nobody takes it for the folder's own."""


def connect(
    settings: Settings, *, retries: int = READ_RETRIES, cost: Cost | None = None, now: ServerTime | None = None
) -> PyGithubClient:
    """Return a client for the job's repository and registry; no request is made yet."""
    rest = Rest.connect(settings, retries=retries, cost=cost, now=now)
    return ScopedClient(rest, settings.base_dir) if settings.base_dir else PyGithubClient(rest)


class ScopedClient(PyGithubClient):
    """`promotebot.github.ports.GitHub` for the registry of one folder."""

    def __init__(self, rest: Rest, base_dir: str) -> None:
        super().__init__(rest)
        self._base_dir = base_dir
        self._mark = f"<!-- {scoped('promotebot', base_dir)}:"

    def _read_status(self, status: CommitStatus) -> CommitStatus:
        context, own = status.context, scoped(_OURS, self._base_dir)
        if context.startswith(own):
            return replace(status, context=_OURS + context.removeprefix(own))
        return replace(status, context=_OTHERS + context) if context.startswith(_OURS) else status

    def _read_body(self, body: str) -> str:
        if body.startswith(self._mark):
            return _MARK + body.removeprefix(self._mark)
        return _OTHERS + body if body.startswith(_MARK) else body

    def _written_body(self, body: str) -> str:
        return self._mark + body.removeprefix(_MARK) if body.startswith(_MARK) else body

    def _read_comments(self, comments: Sequence[IssueComment]) -> Sequence[IssueComment]:
        return [replace(comment, body=self._read_body(comment.body)) for comment in comments]

    def statuses(self, sha: str) -> Iterator[CommitStatus]:
        """Yield the statuses of a commit, of every context, the newest first."""
        return map(self._read_status, super().statuses(sha))

    def publish_status(self, sha: str, *, context: str, state: State, description: str) -> None:
        """Put a status on a commit."""
        super().publish_status(sha, context=scoped(context, self._base_dir), state=state, description=description)

    def publish_check(
        self,
        head_sha: str,
        *,
        name: str,
        conclusion: Conclusion,
        title: str,
        summary: str,
        annotations: Sequence[Annotation] = (),
    ) -> bool:
        """Put a completed check run on a commit; return False where the token is a person's, who cannot."""
        name = scoped(name, self._base_dir)
        return super().publish_check(
            head_sha, name=name, conclusion=conclusion, title=title, summary=summary, annotations=annotations
        )

    def look_again(self, number: int, commits: Sequence[str]) -> PullState:
        """Return where a pull request stands now, and the statuses of some commits."""
        found = super().look_again(number, commits)
        read = {sha: tuple(map(self._read_status, statuses)) for sha, statuses in found.statuses.items()}
        return replace(found, statuses=read)

    def conversation(self, number: int, *, seen: str = "") -> tuple[PullRequest, Sequence[IssueComment]]:
        """Return a pull request with every comment on it."""
        pull, comments = super().conversation(number, seen=seen)
        return pull, self._read_comments(comments)

    def comments(self, number: int) -> Sequence[IssueComment]:
        """Return every comment on a pull request or an issue, the oldest first."""
        return self._read_comments(super().comments(number))

    def upsert_comment(
        self,
        pull: int,
        marker: str,
        body: str,
        *,
        author_login: str,
        known: Sequence[IssueComment] | None = None,
    ) -> str:
        """Update the bot's comment with this marker, or write it; return its address."""
        known = self.comments(pull) if known is None else known
        return super().upsert_comment(pull, marker, self._written_body(body), author_login=author_login, known=known)

    def find_comment(self, pull: int, marker: str, *, author_login: str) -> IssueComment | None:
        """Return the bot's comment with this marker, or None."""
        found = super().find_comment(pull, self._written_body(marker), author_login=author_login)
        return replace(found, body=self._read_body(found.body)) if found else None

    def find_issue(self, marker: str, *, author_login: str) -> Issue | None:
        """Return the open issue of ours that starts with a marker, or None."""
        found = super().find_issue(self._written_body(marker), author_login=author_login)
        return replace(found, body=self._read_body(found.body)) if found else None

    def create_issue(self, title: str, body: str) -> Issue:
        """Open an issue and return it."""
        made = super().create_issue(scoped(title, self._base_dir), self._written_body(body))
        return replace(made, body=self._read_body(made.body))

    def update_issue(self, number: int, *, body: str, title: str = "", comment: str = "", close: bool = False) -> None:
        """Rewrite an issue of ours; give it another title, add a comment, and close it, where asked."""
        title, body = scoped(title, self._base_dir) if title else "", self._written_body(body)
        super().update_issue(number, body=body, title=title, comment=comment, close=close)

    def deploy(
        self,
        *,
        sha: str,
        environment: str,
        task: str,
        description: str,
        payload: Mapping[str, Any],
        author_login: str,
        production: bool = False,
    ) -> Deployment:
        """Return the deployment by `author_login` that carries the payload's `event`, made where there is none."""
        return super().deploy(
            sha=sha,
            environment=self._environment(environment),
            task=task,
            description=description,
            payload=payload,
            author_login=author_login,
            production=production,
        )

    def find_deployment(
        self, *, environment: str, task: str, wanted: Mapping[str, Any], author_login: str
    ) -> Deployment | None:
        """Return the newest deployment by `author_login` whose payload has all that is wanted, or None."""
        place = self._environment(environment)
        return super().find_deployment(environment=place, task=task, wanted=wanted, author_login=author_login)

    def retire_deployments(self, *, environment: str, task: str, before: int, author_login: str) -> None:
        """Mark what an environment held before a deployment as inactive, where it is still marked as a success."""
        place = self._environment(environment)
        super().retire_deployments(environment=place, task=task, before=before, author_login=author_login)

    def _environment(self, name: str) -> str:
        """Return the name of an environment, which is this registry's already where the client itself asks."""
        own = scoped("", self._base_dir)
        return name if name.startswith(own) else own + name
