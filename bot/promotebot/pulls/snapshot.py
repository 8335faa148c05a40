"""A pull request's commits, fetched once into a private repository, with what GitHub says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from promotebot.environment import ACTIONS_LOGIN
from promotebot.errors import RefChanged
from promotebot.git.branch import FetchedRepository
from promotebot.git.process import Identity, Remote
from promotebot.git.recent import TIP
from promotebot.github.checks import other_base
from promotebot.planning.committed import read_policy
from promotebot.promotion.policy import Policy
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.small_files import read_changeset_files, read_our_files
from promotebot.registry.names import GitSha
from promotebot.settings import Settings

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest

BASE, HEAD, DEFAULT = "refs/promotebot/base", "refs/promotebot/head", "refs/promotebot/default"
NOW, MARKS = "refs/promotebot/now", "refs/promotebot/mark/"


@dataclass(frozen=True)
class PullSnapshot:
    """One state of a pull request: base and head are resolved once, and nothing else is read."""

    repository: FetchedRepository
    pull: PullRequest
    changeset: Changeset
    default_branch: str
    trusted: Policy
    """The default branch's policy, which says what other bases there are."""
    now: datetime
    """When it was read, UTC: the moment of every decision that is made on it."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Where holds of the pull request are recorded: id → commit, as the remote's refs say (`gate.hold`)."""

    @property
    def other_base(self) -> str:
        """The base's name where it is not the default branch, as statuses name it; empty for the default branch."""
        return other_base(self.pull.base_ref, self.default_branch)

    @property
    def takes_promotions(self) -> bool:
        """True when the pull request goes into a branch that may be promoted into."""
        return self.is_promoted_into(self.pull.base_ref)

    def is_promoted_into(self, branch: str) -> bool:
        """Return whether a branch may be promoted into."""
        return branch == self.default_branch or branch in self.trusted.bases

    def never_changed(self, paths: Sequence[str]) -> bool:
        """Return whether the branch was only ever added to, and no commit of it changes one of these paths."""
        known, changeset = self.pull.only_added_to, self.changeset
        is_whole = known and self.repository.is_ancestor(known, changeset.head)
        return bool(is_whole and not self.repository.changes_since(changeset.base, changeset.head, paths))


def remote(job: JobContext) -> Remote:
    """Return where the job's repository is fetched from and pushed to."""
    settings = job.settings
    url, token = f"{settings.server_url}/{settings.repository}.git", settings.token.get_secret_value()
    return Remote(url, token, job.cost, job.patience.pause, job.patience.sleep, job.clock)


def identity(settings: Settings) -> Identity:
    """Return the author of a commit that is pushed; GitHub itself names the one of those that its API makes.

    Rules on authors look for the address that GitHub links to the account, which has the account's number. Of another
    server, and of an App of its own, the number is not known here.
    https://docs.github.com/en/account-and-profile/reference/email-addresses-reference
    """
    host, login = settings.server_host, settings.bot_login
    number = "41898282+" if (host, login) == ("github.com", ACTIONS_LOGIN) else ""
    return Identity(login, f"{number}{login}@users.noreply.{host}")


def remote_head(pull: PullRequest) -> str:
    """Return the ref of a pull request's head; `refs/pull/N/head` follows a push some seconds later.

    It is all that is left of a branch that was deleted when its pull request was closed.
    """
    return f"refs/heads/{pull.head_ref}" if _has_branch(pull) else f"refs/pull/{pull.number}/head"


def marks_of(number: int) -> str:
    """Return the folder of refs that name the commits on which holds of a pull request are recorded.

    No list of GitHub's shows them late, and no push to the pull request's branch moves them.
    """
    return f"refs/promotebot/hold/{number}/"


def fetched_marks(number: int) -> dict[str, str]:
    """Return the marks of a pull request as a fetch names them; where there are none, none is brought."""
    return {f"{below_marks(number)}*": f"{marks_of(number)}*"}


def below_marks(number: int) -> str:
    """Return the folder of the fetched marks of a pull request."""
    return f"{MARKS}{number}/"


def at_its_head(pull: PullRequest, repository: FetchedRepository) -> PullRequest:
    """Return a pull request with the head that git has now.

    Raises:
        RefChanged: when `refs/pull/N/head` and GitHub's answer name different heads: one of them is late.
        CouldNotVerify: when git does not answer.
    """
    repository.fetch({NOW: remote_head(pull)})
    return _at(pull, repository.commit_id(NOW))


def _has_branch(pull: PullRequest) -> bool:
    return not pull.is_fork and pull.state == "open"


def _at(pull: PullRequest, head: GitSha) -> PullRequest:
    """Return the pull request with the head that git has.

    A branch of this repository is its own truth: GitHub merges what it holds, whatever `GET /pulls/N` still shows. A
    verdict is on one commit, and a commit is pushed from that one only, so that a head which moves on harms nothing.

    Raises:
        RefChanged: when there is no such branch, and GitHub's two answers name different heads.
    """
    if head != pull.head_sha and not _has_branch(pull):
        raise RefChanged(f"{pull.head_ref} is at {head[:7]}, GitHub says {pull.head_sha[:7]}")
    return replace(pull, head_sha=head)


@contextmanager
def fetch_pull(
    number: int, job: JobContext, known: PullRequest | None = None, *, asked_by: str = ""
) -> Iterator[PullSnapshot]:
    """Fetch a pull request as it is now, for as long as the block lasts.

    Args:
        known: what GitHub said of it a moment ago, so that it is not asked twice.
        asked_by: who asks for a promotion on it; GitHub is asked for their role while git fetches.

    Raises:
        RefChanged: when `refs/pull/N/head` and GitHub's answer name different heads: one of them is late.
        CouldNotVerify: when either does not answer.
    """
    settings = job.settings
    pull, default = known or job.github.pull(number), job.default_branch
    if asked_by and _may_promote(pull, default):
        job.github.expect_permission(asked_by)
    refs = {BASE: f"refs/heads/{pull.base_ref}", HEAD: remote_head(pull), DEFAULT: f"refs/heads/{default}"}
    with FetchedRepository.fetched(remote(job), {**refs, **fetched_marks(number)}) as repository:
        changeset = Changeset(
            repository,
            base=repository.commit_id(BASE),
            head=repository.commit_id(HEAD),
            registry_path=settings.registry_path,
            policy_path=settings.policy_path,
            base_dir=settings.base_dir,
        )
        pull = _at(pull, changeset.head)
        default_head = repository.commit_id(DEFAULT)
        read_changeset_files(changeset, repository, default_head, job)
        trusted = read_policy(repository, default_head, settings.policy_path)
        marks = repository.refs_below(below_marks(pull.number))
        yield PullSnapshot(repository, pull, changeset, default, trusted, job.clock(), marks)


def _may_promote(pull: PullRequest, default_branch: str) -> bool:
    """Return whether only the policy can refuse a promotion before somebody's role does."""
    is_to_default = pull.base_ref == default_branch != pull.head_ref
    return pull.state == "open" and is_to_default and not pull.is_fork and not pull.draft


@contextmanager
def fetch_default_branch(job: JobContext) -> Iterator[tuple[FetchedRepository, Changeset]]:
    """Fetch the default branch as it is now, as a change of nothing, for as long as the block lasts.

    Raises:
        CouldNotVerify: when git does not answer.
    """
    settings = job.settings
    with FetchedRepository.fetched(remote(job), {BASE: f"refs/heads/{job.default_branch}"}) as repository:
        tip = repository.commit_id(BASE)
        read_our_files(repository, [tip], job)
        yield (
            repository,
            Changeset(repository, tip, tip, settings.registry_path, settings.policy_path, settings.base_dir),
        )


def takes_promotions(branch: str, job: JobContext) -> bool:
    """Return whether a branch may be promoted into: the default one at once, any other by the default one's policy.

    Raises:
        InvalidInput: for a policy that does not read.
        CouldNotVerify: when git does not answer.
    """
    return branch == job.default_branch or branch in promoted_bases(job)


def promoted_bases(job: JobContext) -> tuple[str, ...]:
    """Return every branch that may be promoted into, the default one first, by one fetch.

    Raises:
        InvalidInput: for a policy that does not read.
        CouldNotVerify: when git does not answer.
    """
    default = job.default_branch
    refs = {DEFAULT: f"refs/heads/{default}"}
    with FetchedRepository.fetched(remote(job), refs, depth=TIP) as repository:
        policy = read_policy(repository, repository.commit_id(DEFAULT), job.settings.policy_path)
    return tuple(dict.fromkeys((default, *policy.bases)))
