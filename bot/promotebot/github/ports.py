"""The operations that the bot asks of GitHub, in its own words; `client` answers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from promotebot.github.checks import Annotation, Conclusion, State
from promotebot.github.git_port import GitData
from promotebot.github.verdicts import Verdict
from promotebot.promotion.sections import Permission

_T = TypeVar("_T")
MAX_BLOBS = 250
"""Files that are asked for with one question."""


@dataclass(frozen=True)
class PullRequest:
    """A pull request as the API shows it now."""

    number: int
    title: str
    state: str
    merged: bool
    merged_at: datetime | None
    merge_commit_sha: str | None
    draft: bool
    author: str
    head_sha: str
    head_ref: str
    base_ref: str
    is_fork: bool
    commit_statuses: Mapping[str, tuple[CommitStatus, ...]] | None = field(default=None, compare=False)
    """The newest status of each context on each of its commits, where they were read with the rest; else None."""
    only_added_to: str = ""
    """The head up to which its branch was only ever added to, never forced or deleted, and its base never another one;
    empty where GitHub does not say so."""
    reviews: tuple[IssueComment, ...] = field(default=(), compare=False)
    """What people wrote into their newest reviews, the oldest first; only where the pull request came by GraphQL, and
    on lines of code only where its comments came with it.
    """
    has_all_reviews: bool = field(default=True, compare=False)
    """False where there are older ones."""
    verdicts: tuple[Verdict, ...] | None = field(default=None, compare=False)
    """Those among its newest reviews, the oldest first; None where the pull request did not come by GraphQL."""
    merged_by: str = field(default="", compare=False)
    """Who merged it; empty where that was not read."""


@dataclass(frozen=True)
class IssueComment:
    """A comment as the API shows it now."""

    id: int
    pull: int
    body: str
    author: str
    html_url: str
    node_id: str = ""
    """Its global id, by which GraphQL knows it."""
    is_minimized: bool = False
    """Shown folded; only where GitHub said so, which REST does not."""
    written_at: datetime | None = None
    """When it got the words that it has: written, published with a review, or edited last; only from GraphQL."""


@dataclass(frozen=True)
class CommitStatus:
    """A commit status, and the account that posted it."""

    context: str
    state: str
    creator: str
    description: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True)
class CheckRun:
    """A check run on a commit: the newest of its name in its suite."""

    name: str
    status: str
    """`completed`, or how far it is."""
    conclusion: str
    """Empty until it has completed."""
    app: str
    """The slug of the App that reports it; empty where GitHub names none."""


@dataclass(frozen=True)
class PullState:
    """What may have changed of a pull request while a job judged it."""

    state: str
    base_ref: str
    statuses: Mapping[str, tuple[CommitStatus, ...]]
    """Commit → the newest status of each context, whoever posted it; for the commits that were asked about."""


@dataclass(frozen=True)
class BranchPush:
    """A branch moved: one entry of GitHub's activity list.

    https://docs.github.com/en/rest/repos/repos#list-repository-activities
    """

    before: str
    """The branch's commit before; 40 zeros for a branch that was made."""
    after: str
    actor: str
    is_person: bool
    """False for an App, the bot itself included."""
    creates: bool = False
    id: int = 0
    """GitHub's own number of the entry; 0 where none is known."""
    at: datetime | None = None
    """When it moved, UTC; None where that is not known."""


@dataclass(frozen=True)
class Deployment:
    """A deployment of the bot's own, with every state that it has been in, the newest first."""

    id: int
    states: tuple[str, ...]


@dataclass(frozen=True)
class Issue:
    """An issue of the bot's own."""

    number: int
    body: str
    html_url: str


class GitHub(Protocol):
    """The operations that the bot needs on its repository. Each raises CouldNotVerify when GitHub does not answer."""

    @property
    def git(self) -> GitData:
        """The operations that write git objects and move branches."""

    def permission(self, login: str) -> Permission | None:
        """Return a user's role, None where there is no such user.

        An unknown role counts as the legacy permission that GitHub derives for it.
        """

    def expect_permission(self, login: str, *, again: bool = False) -> None:
        """Start to ask for a role, `beside`; `permission` waits for it, and raises what went wrong."""

    def is_member(self, team: str, login: str) -> bool:
        """Return whether GitHub shows the token that somebody is an active member of a team, `@org/team`.

        False also where the token may not see the team: the two cannot be told apart.
        """

    def pull(self, number: int) -> PullRequest:
        """Return a pull request as it is now."""

    def conversation(self, number: int, *, seen: str = "") -> tuple[PullRequest, Sequence[IssueComment]]:
        """Return a pull request as it is now, with every comment on it, the oldest first.

        Args:
            seen: the global id of a comment on it that gets 👀 with the same request; one that fails changes nothing.
        """

    def all_reviews(self, number: int) -> Sequence[IssueComment]:
        """Return what people wrote into every review, and on lines of code, a hundred reviews with each request."""

    def blobs(self, oids: Sequence[str]) -> Mapping[str, bytes]:
        """Return files by git's object ids, as far as they are small texts; whoever uses them compares the ids.

        Args:
            oids: MAX_BLOBS at most.
        """

    def file_sizes(self, commit: str) -> Mapping[str, int]:
        """Return path → bytes of a commit's files; of a repository with very many files not all."""

    def pulls_with(self, commit: str) -> Sequence[PullRequest]:
        """Return the pull requests that brought a commit to the default branch; of any other commit, open ones too."""

    def look_again(self, number: int, commits: Sequence[str]) -> PullState:
        """Return where a pull request stands now, and the statuses of some commits, with one request."""

    def open_pulls(self, base_ref: str) -> Sequence[PullRequest]:
        """Return the open pull requests into a branch."""

    def pulls_from(self, head_ref: str, *, ever: bool = False) -> Sequence[int]:
        """Return the numbers of the open pull requests from a branch of this repository; with `ever` also of others."""

    def create_pull(self, *, head_ref: str, base_ref: str, title: str, body: str) -> int:
        """Open a pull request from a branch of this repository; return its number."""

    def approvals(self, number: int, head_sha: str, until: datetime | None = None) -> Sequence[Verdict]:
        """Return the verdicts of people whose newest review, of those until then, approves exactly this head."""

    def pushes(self, branch: str) -> Iterator[BranchPush]:
        """Yield the moves of a branch, the newest first, as far back as GitHub lists them."""

    def default_branch(self) -> str:
        """Return the name of the default branch."""

    def labels(self, pull: int) -> Sequence[str]:
        """Return the names of the labels that a pull request has."""

    def add_label(self, pull: int, name: str) -> None:
        """Put a label on a pull request."""

    def remove_label(self, pull: int, name: str) -> None:
        """Take a label off a pull request."""

    def react(self, comment_id: int, content: str) -> None:
        """Put a reaction, such as `eyes`, on a comment."""

    def reactions_to(self, comment_id: int, content: str) -> Mapping[int, str]:
        """Return the reactions of one kind on a comment: the id of each → the login of who put it there."""

    def find_comment(self, pull: int, marker: str, *, author_login: str) -> IssueComment | None:
        """Return the oldest comment by `author_login` that starts with the marker, or None."""

    def comments(self, number: int) -> Sequence[IssueComment]:
        """Return every comment on a pull request or an issue, the oldest first."""

    def minimize_comments(self, node_ids: Sequence[str]) -> None:
        """Fold comments as outdated, with one request; each stays readable."""

    def upsert_comment(
        self,
        pull: int,
        marker: str,
        body: str,
        *,
        author_login: str,
        known: Sequence[IssueComment] | None = None,
    ) -> str:
        """Update the comment by `author_login` that starts with the marker, or write it; return its address.

        Args:
            known: the comments, where they were read a moment ago.
        """

    def statuses(self, sha: str) -> Iterator[CommitStatus]:
        """Yield the statuses of a commit, of every context, the newest first."""

    def check_runs(self, sha: str) -> Sequence[CheckRun]:
        """Return the check runs of a commit, of every App and suite; of what ran again, the newest."""

    def publish_status(self, sha: str, *, context: str, state: State, description: str) -> None:
        """Put a status on a commit; the newest of a context is the one that counts."""

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
        """Put a completed check run on a commit; return False where the token may not, since it is a person's.

        Args:
            annotations: MAX_ANNOTATIONS at most.
        """

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

    def find_deployment(
        self, *, environment: str, task: str, wanted: Mapping[str, Any], author_login: str
    ) -> Deployment | None:
        """Return the newest deployment by `author_login` whose payload has all that is wanted, or None."""

    def retire_deployments(self, *, environment: str, task: str, before: int, author_login: str) -> None:
        """Mark what an environment held before a deployment as inactive, where it is still marked as a success."""

    def publish_deployment_state(self, deployment_id: int, *, state: str, description: str) -> None:
        """Put a state, such as `success`, on a deployment."""

    def dispatch(self, event_type: str, payload: Mapping[str, Any]) -> None:
        """Start the workflows that wait for this event type (`repository_dispatch`)."""

    def find_issue(self, marker: str, *, author_login: str) -> Issue | None:
        """Return the open issue by `author_login` that starts with the marker, or None."""

    def create_issue(self, title: str, body: str) -> Issue:
        """Open an issue and return it."""

    def update_issue(self, number: int, *, body: str, title: str = "", comment: str = "", close: bool = False) -> None:
        """Rewrite an issue; give it another title, add a comment, and close it, where asked."""

    def assign(self, number: int, logins: Sequence[str]) -> None:
        """Assign an issue, as far as these people may be assigned."""

    def beside(self, question: Callable[[], _T]) -> Callable[[], _T]:
        """Start a question that only reads, in a thread of its own; return what waits for its answer, or raises.

        The next request waits for it, so that no write goes out meanwhile. What nobody waits for fails nothing.
        """

    def close(self) -> None:
        """Close the connections."""
