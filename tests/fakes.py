"""The production's own seams in memory: GitHub, git and the examiner as values that a test sets, reads and makes fail.

No kinder than the real ones where the product relies on it; `tests/test_fakes.py` holds both to the same words.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pydantic import SecretStr

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import Limits
from promotebot.artifact.source import FileSource, LfsStore, TreeEntry
from promotebot.errors import CouldNotVerify, InvalidInput, RefChanged
from promotebot.findings import Finding
from promotebot.git.branch import ChangedEntry, FetchedRepository
from promotebot.git.lfs_clone import LocalLfs
from promotebot.github.checks import (
    GATE,
    MAX_ANNOTATIONS,
    MAX_DESCRIPTION,
    MAX_SUMMARY,
    Annotation,
    Conclusion,
    State,
)
from promotebot.github.git_port import BranchRules, GitData, MadeCommit, TreeChange
from promotebot.github.ports import (
    BranchPush,
    CheckRun,
    CommitStatus,
    Deployment,
    GitHub,
    Issue,
    IssueComment,
    PullRequest,
    PullState,
)
from promotebot.github.verdicts import Verdict, approving
from promotebot.planning.examiner import Examine
from promotebot.promotion.policy import Policy
from promotebot.promotion.sections import Permission
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.patience import Patience
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.names import ArtifactPath, Digest, GitSha
from promotebot.registry.registry import DEFAULT_PATH
from promotebot.settings import Settings
from promotebot.text import cut
from tests.gate.sequences import examine as examine_by_name

_K = TypeVar("_K")
_V = TypeVar("_V")
BOT = "github-actions[bot]"
REPO = "acme/models"
NOW = datetime(2026, 2, 16, 9, tzinfo=timezone.utc)
FORK, BASE, HEAD, TRAINED = (GitSha(digit * 40) for digit in ("a", "b", "c", "5"))
POLICY_PATH = ".github/promotion.yml"
DIGEST = Digest("sha256:" + "0" * 64)
MOST_REVIEWS = 50  # as many as `questions` asks for with the pull request
MAX_COMMENT = 65_536  # https://docs.github.com/en/rest/issues/comments: longer bodies are refused with 422
REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


@dataclass(frozen=True)
class Review:
    """One review of a pull request: who, their verdict, and the commit it is about."""

    login: str
    state: str
    commit: str
    kind: str = "User"
    body: str = ""
    at: datetime | None = None


def push(after: str, actor: str = "alice", **changes: Any) -> BranchPush:
    """A person moved a branch to `after`; `creates` says that the branch was not there before."""
    return replace(BranchPush("0" * 40, after, actor, is_person=not actor.endswith("[bot]")), **changes)


@dataclass(frozen=True)
class Posted:
    """A status as it was posted on a commit."""

    sha: str
    status: CommitStatus


@dataclass(frozen=True)
class Check:
    """What was published on a commit."""

    head_sha: str
    name: str
    conclusion: Conclusion
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()


@dataclass
class Deployed:
    """One deployment of a commit to an environment, with its states, oldest first."""

    sha: str
    environment: str
    task: str
    description: str
    payload: dict[str, Any]
    states: list[str] = field(default_factory=list)
    creator: str = BOT
    production: bool = False


@dataclass
class OpenedIssue:
    """An issue with everything that became of it."""

    title: str
    body: str
    author: str
    is_open: bool = True
    comments: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Commit:
    """A commit as a value: its parents, and every file's bytes by path."""

    parents: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    message: str = ""

    @property
    def tree(self) -> str:
        """The same files are the same tree."""
        return _sha1(repr(sorted(self.files.items())).encode())


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


class FakeGitData:
    """`promotebot.github.git_port.GitData` over commits and branches in memory."""

    def __init__(
        self,
        commits: dict[str, Commit] | None = None,
        branches: dict[str, str] | None = None,
        moved: Callable[[str, str], None] | None = None,
    ) -> None:
        self.commits = {} if commits is None else commits
        self.branches = {} if branches is None else branches
        self.moved = moved or self.branches.__setitem__
        self.branch_rules = BranchRules(frozenset({"merge", "squash", "rebase"}), dismisses_approvals=False)
        self._trees: dict[str, Mapping[str, bytes]] = {}
        self.refs: dict[str, str] = {}
        """What is no branch: name → commit."""

    def commit_on_branch(
        self, branch: str, *, expected: str, message: str, files: Mapping[str, bytes | None]
    ) -> MadeCommit:
        self._expect(branch, expected)
        before = self.commits[expected].files
        if any(data is None and path not in before for path, data in files.items()):
            raise _refused(f"move {branch}", 422)
        whole = {path: data for path, data in {**before, **files}.items() if data is not None}
        made = self._made(message, whole, (expected,))
        self.moved(branch, made.sha)
        return made

    def create_tree(self, base_tree: str, changes: Sequence[TreeChange]) -> str:
        blobs = {_sha1(data): data for commit in self.commits.values() for data in commit.files.values()}
        trees = {commit.tree: commit.files for commit in self.commits.values()}
        files = dict(_lookup(trees, base_tree, "make a tree"))
        for change in changes:
            files.pop(change.path, None)
            if change.content is not None:
                files[change.path] = change.content.encode()
            elif change.oid is not None:
                files[change.path] = _lookup(blobs, change.oid, "make a tree")
        tree = Commit((), files).tree
        self._trees[tree] = files
        return tree

    def create_commit(self, message: str, *, tree: str, parents: Sequence[str]) -> MadeCommit:
        trees = {commit.tree: commit.files for commit in self.commits.values()} | self._trees
        return self._made(message, _lookup(trees, tree, "make a commit"), tuple(parents))

    def create_branch(self, branch: str, sha: str) -> None:
        if branch in self.branches:
            raise RefChanged(f"the branch {branch} was made meanwhile")
        self.moved(branch, sha)

    def set_ref(self, ref: str, sha: str | None) -> None:
        if sha is None:
            self.refs.pop(ref, None)
        else:
            self.refs.setdefault(ref, sha)

    def move_branch(self, branch: str, sha: str, *, expected: str, force: bool = False) -> None:
        self._expect(branch, expected)
        if not force and not FakeRepository(self.commits).is_ancestor(expected, sha):
            raise _refused(f"move {branch}", 422)
        self.moved(branch, sha)

    def tip(self, branch: str) -> MadeCommit:
        sha = _lookup(self.branches, branch, f"read the branch {branch}")
        return MadeCommit(sha, self.commits[sha].tree, self.commits[sha].parents)

    def rules(self, branch: str) -> BranchRules:  # noqa: ARG002 - all of them have the same
        return self.branch_rules

    def _expect(self, branch: str, expected: str) -> None:
        if self.branches.get(branch) != expected:
            raise RefChanged(f"{branch} moved away from {expected[:7]}")

    def _made(self, message: str, files: Mapping[str, bytes], parents: tuple[str, ...]) -> MadeCommit:
        sha = _sha1(f"{message} {len(self.commits)}".encode())
        self.commits[sha] = Commit(parents, dict(files), message)
        return MadeCommit(sha, self.commits[sha].tree, parents)


@dataclass
class FakeGitHub:
    """`promotebot.github.ports.GitHub` in memory, asked with the bot's own token.

    What a real GitHub refuses is refused with the client's error. `fail(name)` makes a method refuse from then on.
    """

    roles: dict[str, Permission] = field(default_factory=dict)
    """Login → role. Whoever is not in it is no user."""
    members: dict[str, set[str]] = field(default_factory=dict)
    """Team, `@org/team` → who the token sees in it."""
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    written: dict[int, IssueComment] = field(default_factory=dict)
    """Oldest first, as GitHub lists them."""
    brought: dict[str, list[int]] = field(default_factory=dict)
    """Commit → the pull requests that brought it; the head of an open one is found without that."""
    reviews: dict[int, list[Review]] = field(default_factory=dict)
    pushed: dict[str, list[BranchPush]] = field(default_factory=dict)
    """Branch → its pushes, oldest first."""
    posted: list[Posted] = field(default_factory=list)
    """Every commit's statuses, oldest first."""
    labels_on: dict[int, list[str]] = field(default_factory=dict)
    runs: dict[str, list[CheckRun]] = field(default_factory=dict)
    """Commit → the check runs of others."""
    reactions: list[tuple[int, str]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    issues: dict[int, OpenedIssue] = field(default_factory=dict)
    assignees: dict[int, list[str]] = field(default_factory=dict)
    deployments: list[Deployed] = field(default_factory=list)
    dispatches: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    git: FakeGitData = field(default_factory=FakeGitData)
    default: str = "main"
    may_open_pulls: bool = True
    forced: set[int] = field(default_factory=set)
    """The pull requests whose branch was moved otherwise than by adding to it."""
    files: dict[str, bytes] = field(default_factory=dict)
    """By git's object id, the small texts among the repository's files."""
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)
    """Commit → path → bytes."""
    is_personal: bool = False
    """True where the token is a person's, which may not create check runs."""
    failing: dict[str, CouldNotVerify] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    """The global ids of comments that got 👀."""
    closed: int = 0

    def fail(self, method: str, message: str = "GitHub does not answer") -> FakeGitHub:
        """Make a method raise CouldNotVerify, whoever calls it."""
        assert callable(getattr(self, method))
        self.failing[method] = CouldNotVerify(message, remedy="run the job again")
        return self

    def post(
        self, sha: str, context: str, state: str, *, by: str = BOT, description: str = "", at: datetime = NOW
    ) -> None:
        """Somebody posts a status, which any writer may."""
        self.posted.append(Posted(sha, CommitStatus(context, state, by, description[:MAX_DESCRIPTION], at)))

    def run(
        self, sha: str, name: str, conclusion: str, *, app: str = "github-actions", status: str = "completed"
    ) -> None:
        """An App reports a check, in a suite of its own."""
        self.runs.setdefault(sha, []).append(CheckRun(name, status, conclusion, app))

    def verdicts(self, sha: str) -> list[str]:
        """The states of the required status on a commit, oldest first."""
        return [p.status.state for p in self.posted if p.sha == sha and p.status.context == GATE]

    def say(self, pull: int, author: str, body: str, **changes: Any) -> IssueComment:
        """Somebody comments on a pull request."""
        comment = issue_comment(len(self.written) + 1, pull=pull, author=author, body=body, **changes)
        self.written[comment.id] = comment
        return comment

    def edit(self, comment_id: int, body: str) -> None:
        """Somebody changes a comment."""
        self.written[comment_id] = replace(self.written[comment_id], body=body)

    def put_label(self, pull: int, name: str) -> None:
        """Somebody puts a label on."""
        if name not in self.labels_on.setdefault(pull, []):
            self.labels_on[pull].append(name)

    def permission(self, login: str) -> Permission | None:
        self._asked("permission")
        return self.roles.get(login)

    def expect_permission(self, login: str, *, again: bool = False) -> None:
        """Nothing takes time here: whoever needs it asks for it."""

    def beside(self, question: Callable[[], _V]) -> Callable[[], _V]:
        """Ask at once; what goes wrong is raised where the answer is needed."""
        answer: Future[_V] = Future()
        try:
            answer.set_result(question())
        except CouldNotVerify as problem:
            answer.set_exception(problem)
        return answer.result

    def is_member(self, team: str, login: str) -> bool:
        self._asked("is_member")
        return login in self.members.get(team, ())

    def pull(self, number: int) -> PullRequest:
        self._asked("pull")
        return self._pull(number)

    def conversation(self, number: int, *, seen: str = "") -> tuple[PullRequest, Sequence[IssueComment]]:
        self._asked("conversation")
        if seen:
            self.seen.append(seen)
        pull = self._pull(number)
        comments = [comment for comment in self.written.values() if comment.pull == number]
        return self._by_graphql(pull), comments

    def _by_graphql(self, pull: PullRequest) -> PullRequest:
        head = "" if pull.number in self.forced else pull.head_sha
        reviews = self._reviewed(pull.number)
        has_all, verdicts = len(reviews) <= MOST_REVIEWS, self._verdicts(pull.number, MOST_REVIEWS)
        newest = reviews[-MOST_REVIEWS:]
        return replace(pull, only_added_to=head, reviews=newest, has_all_reviews=has_all, verdicts=verdicts)

    def blobs(self, oids: Sequence[str]) -> Mapping[str, bytes]:
        self._asked("blobs")
        return {oid: self.files[oid] for oid in oids if oid in self.files}

    def file_sizes(self, commit: str) -> Mapping[str, int]:
        self._asked("file_sizes")
        return self.sizes.get(commit, {})

    def pulls_with(self, commit: str) -> Sequence[PullRequest]:
        self._asked("pulls_with")
        of_head = [number for number, pull in self.pulls.items() if pull.head_sha == commit and pull.state == "open"]
        return [self._pull(number) for number in self.brought.get(commit, of_head)]

    def look_again(self, number: int, commits: Sequence[str]) -> PullState:
        self._asked("look_again")
        pull = self._pull(number)
        newest: dict[str, dict[str, CommitStatus]] = {sha: {} for sha in commits}
        for posted in self.posted:
            if posted.sha in newest:
                newest[posted.sha][posted.status.context] = posted.status
        statuses = {sha: tuple(found.values()) for sha, found in newest.items()}
        return PullState(pull.state, pull.base_ref, statuses)

    def open_pulls(self, base_ref: str) -> Sequence[PullRequest]:
        self._asked("open_pulls")
        found = [pull for pull in self.pulls.values() if pull.state == "open" and pull.base_ref == base_ref]
        return [self._by_graphql(one) for one in found]

    def pulls_from(self, head_ref: str, *, ever: bool = False) -> Sequence[int]:
        self._asked("pulls_from")
        own = {n: p for n, p in self.pulls.items() if p.head_ref == head_ref and not p.is_fork}
        return [n for n, p in own.items() if ever or p.state == "open"]

    def create_pull(self, *, head_ref: str, base_ref: str, title: str, body: str) -> int:  # noqa: ARG002 - not kept
        self._asked("create_pull")
        if not self.may_open_pulls:
            raise _refused("open a pull request", 403)
        if any(self.pulls[n].base_ref == base_ref for n in self.pulls_from(head_ref)):
            raise _refused("open a pull request", 422)
        number = max([*self.pulls, *self.issues], default=0) + 1
        self.pulls[number] = pull_request(number, title=title, author=BOT, head_ref=head_ref, base_ref=base_ref)
        return number

    def _reviewed(self, number: int) -> tuple[IssueComment, ...]:
        """What people wrote; a bot is nobody."""
        written = [review for review in self.reviews.get(number, []) if review.kind == "User"]
        return tuple(
            IssueComment(index, number, review.body, review.login, f"https://x/{number}#pullrequestreview-{index}")
            for index, review in enumerate(written, start=1)
            if review.state != "PENDING"
        )

    def all_reviews(self, number: int) -> Sequence[IssueComment]:
        self._asked("all_reviews")
        return self._reviewed(self._pull(number).number)

    def _verdicts(self, number: int, newest: int = 0) -> tuple[Verdict, ...]:
        """A mere comment is no verdict, and a bot is nobody."""
        return tuple(
            Verdict(
                review.login,
                review.commit if review.state == "APPROVED" else "",
                may_write=(self.roles.get(review.login) or Permission.NONE) >= Permission.WRITE,
                at=review.at,
            )
            for review in self.reviews.get(number, [])[-newest:]
            if review.kind == "User" and review.state not in ("COMMENTED", "PENDING")
        )

    def approvals(self, number: int, head_sha: str, until: datetime | None = None) -> Sequence[Verdict]:
        """The last verdict of each person counts."""
        self._asked("approvals")
        return approving(self._verdicts(self._pull(number).number), head_sha, until)

    def pushes(self, branch: str) -> Iterator[BranchPush]:
        self._asked("pushes")
        numbered = [replace(push, id=number) for number, push in enumerate(self.pushed.get(branch, []), 1)]
        yield from reversed(numbered)

    def default_branch(self) -> str:
        self._asked("default_branch")
        return self.default

    def labels(self, pull: int) -> Sequence[str]:
        self._asked("labels")
        self._pull(pull)
        return list(self.labels_on.get(pull, []))

    def add_label(self, pull: int, name: str) -> None:
        self._asked("add_label")
        self._pull(pull)
        self.put_label(pull, name)

    def remove_label(self, pull: int, name: str) -> None:
        self._asked("remove_label")
        if name not in self.labels_on.get(pull, []):
            raise _refused(f"take the label {name} off", 404)
        self.labels_on[pull].remove(name)

    def reactions_to(self, comment_id: int, content: str) -> Mapping[int, str]:
        self._asked("reactions_to")
        _lookup(self.written, comment_id, "read the reactions")
        return {number: BOT for number, one in enumerate(self.reactions) if one == (comment_id, content)}

    def react(self, comment_id: int, content: str) -> None:
        self._asked("react")
        _lookup(self.written, comment_id, "react")
        if content not in REACTIONS:
            raise _refused("react", 422)
        if (comment_id, content) not in self.reactions:
            self.reactions.append((comment_id, content))

    def comments(self, number: int) -> Sequence[IssueComment]:
        self._asked("comments")
        self._issue(number)
        return [replace(one, is_minimized=False) for one in self.written.values() if one.pull == number]

    def minimize_comments(self, node_ids: Sequence[str]) -> None:
        self._asked("minimize_comments")
        by_node = {comment.node_id: comment for comment in self.written.values()}
        for node_id in node_ids:
            comment = _lookup(by_node, node_id, "fold an older answer")
            self.written[comment.id] = replace(comment, is_minimized=True)

    def find_comment(self, pull: int, marker: str, *, author_login: str) -> IssueComment | None:
        self._asked("find_comment")
        return next((c for c in self._ours(pull, author_login) if c.body.startswith(marker)), None)

    def upsert_comment(
        self,
        pull: int,
        marker: str,
        body: str,
        *,
        author_login: str,
        known: Sequence[IssueComment] | None = None,
    ) -> str:
        self._asked("upsert_comment")
        self._issue(pull)
        ours = (
            [one for one in known if one.author == author_login]
            if known is not None
            else self._ours(pull, author_login)
        )
        mine = next((comment for comment in ours if comment.body.startswith(marker)), None)
        if not body.strip() or len(body) > MAX_COMMENT:
            raise _refused("write the comment", 422)
        if mine:
            self.edit(mine.id, body)
        else:
            mine = self.say(pull, BOT, body)  # whoever the settings name: a token writes as its own account
        return mine.html_url

    def statuses(self, sha: str) -> Iterator[CommitStatus]:
        self._asked("statuses")
        yield from [posted.status for posted in reversed(self.posted) if posted.sha == sha]

    def check_runs(self, sha: str) -> Sequence[CheckRun]:
        self._asked("check_runs")
        own = [CheckRun(one.name, "completed", one.conclusion, BOT[:-5]) for one in self.checks if one.head_sha == sha]
        newest = {one.name: one for one in own}  # of one suite
        return [*newest.values(), *self.runs.get(sha, ())]

    def publish_status(self, sha: str, *, context: str, state: State, description: str) -> None:
        self._asked("publish_status")
        self.post(sha, context, state, description=description)

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
        self._asked("publish_check")
        if self.is_personal:
            return False
        if len(annotations) > MAX_ANNOTATIONS:
            raise _refused("publish the check", 422)
        self.checks.append(
            Check(head_sha, name, conclusion, title[:255], cut(summary, MAX_SUMMARY), tuple(annotations))
        )
        return True

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
        self._asked("deploy")
        wanted = {"event": payload["event"]}
        found = self.find_deployment(environment=environment, task=task, wanted=wanted, author_login=author_login)
        if found:
            return found
        made = Deployed(sha, environment, task, description[:140], dict(payload), production=production)
        self.deployments.append(made)
        return Deployment(len(self.deployments) - 1, ())

    def find_deployment(
        self, *, environment: str, task: str, wanted: Mapping[str, Any], author_login: str
    ) -> Deployment | None:
        self._asked("find_deployment")
        for index in reversed(range(len(self.deployments))):
            made = self.deployments[index]
            is_asked_for = (made.environment, made.task, made.creator) == (environment, task, author_login)
            if is_asked_for and wanted.items() <= made.payload.items():
                return Deployment(index, tuple(reversed(made.states)))
        return None

    def retire_deployments(self, *, environment: str, task: str, before: int, author_login: str) -> None:
        self._asked("retire_deployments")
        for made in reversed(self.deployments[:before]):
            if (made.environment, made.task, made.creator) == (environment, task, author_login):
                state = made.states[-1] if made.states else ""
                if state == "success":
                    made.states.append("inactive")
                if state in ("success", "inactive"):
                    return

    def publish_deployment_state(self, deployment_id: int, *, state: str, description: str) -> None:  # noqa: ARG002 - not kept
        self._asked("publish_deployment_state")
        self.deployments[deployment_id].states.append(state)

    def dispatch(self, event_type: str, payload: Mapping[str, Any]) -> None:
        self._asked("dispatch")
        self.dispatches.append((event_type, dict(payload)))

    def find_issue(self, marker: str, *, author_login: str) -> Issue | None:
        """The newest open one that is ours, as GitHub lists them."""
        self._asked("find_issue")
        for number, issue in sorted(self.issues.items(), reverse=True):
            if issue.is_open and issue.author == author_login and issue.body.startswith(marker):
                return Issue(number, issue.body, _url(number))
        return None

    def create_issue(self, title: str, body: str) -> Issue:
        self._asked("create_issue")
        if not title.strip():
            raise _refused("open an issue", 422)
        number = max([*self.pulls, *self.issues], default=0) + 1
        self.issues[number] = OpenedIssue(title, body, BOT)
        return Issue(number, body, _url(number))

    def update_issue(self, number: int, *, body: str, title: str = "", comment: str = "", close: bool = False) -> None:
        self._asked("update_issue")
        issue = _lookup(self.issues, number, f"update issue #{number}")
        issue.body, issue.is_open = body, issue.is_open and not close
        issue.title = title or issue.title
        issue.comments += [comment] if comment else []

    def assign(self, number: int, logins: Sequence[str]) -> None:
        self._asked("assign")
        self._issue(number)
        self.assignees.setdefault(number, []).extend(logins)

    def close(self) -> None:
        self.closed += 1

    def _asked(self, method: str) -> None:
        self.calls.append(method)
        if method in self.failing:
            raise self.failing[method]

    def _pull(self, number: int) -> PullRequest:
        return _lookup(self.pulls, number, f"read pull request #{number}")

    def _issue(self, number: int) -> None:
        if number not in self.pulls and number not in self.issues:
            raise _refused(f"read the comments of #{number}", 404)

    def _ours(self, pull: int, login: str) -> list[IssueComment]:
        self._issue(pull)
        return [comment for comment in self.written.values() if comment.pull == pull and comment.author == login]


def _lookup(known: Mapping[_K, _V], key: _K, purpose: str) -> _V:
    if key not in known:
        raise _refused(purpose, 404)
    return known[key]


def _refused(purpose: str, status: int) -> CouldNotVerify:
    return CouldNotVerify(f"GitHub refused to {purpose}: {status}", remedy="run the job again")


def _url(number: int, comment_id: int | None = None) -> str:
    anchor = f"#issuecomment-{comment_id}" if comment_id else ""
    return f"https://github.com/{REPO}/issues/{number}{anchor}"


_IS_A_GITHUB: type[GitHub] = FakeGitHub  # mypy checks here that it has every operation, with the protocol's types
_IS_A_GIT_DATA: type[GitData] = FakeGitData


def pull_request(number: int = 7, **changes: Any) -> PullRequest:
    """An open pull request by alice, of this repository's branch `change` into main."""
    open_one = PullRequest(
        number=number,
        title="A change",
        state="open",
        merged=False,
        merged_at=None,
        merge_commit_sha=None,
        draft=False,
        author="alice",
        head_sha=HEAD,
        head_ref="change",
        base_ref="main",
        is_fork=False,
    )
    return replace(open_one, **changes)


def issue_comment(number: int = 1, **changes: Any) -> IssueComment:
    """alice's comment on pull request 7, never edited."""
    pull = changes.get("pull", 7)
    written = IssueComment(number, pull, "/promote active", "alice", _url(pull, number), f"IC_{number}")
    return replace(written, **changes)


def settings(**changes: Any) -> Settings:
    """What a runner's environment says of a job in this repository."""
    values: dict[str, Any] = {
        "event_name": "issue_comment",
        "event_path": Path("event.json"),
        "token": SecretStr("ghs_made_up"),
        "api_url": "https://api.github.com",
        "server_url": "https://github.com",
        "repository": REPO,
        "output_path": Path("output"),
        "summary_path": Path("summary"),
        "run_id": "42",
    }
    return Settings(**{**values, **changes})


@dataclass
class FakeExaminer:
    """`promotebot.planning.examiner.Examine`: every artifact is well, and its bytes are told by its name.

    `digests` says otherwise for a directory: other bytes, or none that anybody could vouch for.
    """

    digests: dict[str, Digest | None] = field(default_factory=dict)
    problems: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    looked_at: list[str] = field(default_factory=list)

    def __call__(self, source: FileSource, directory: ArtifactPath, limits: Limits) -> Evidence:
        self.looked_at.append(directory)
        evidence = examine_by_name(source, directory, limits)
        digest = self.digests.get(directory, evidence.digest)
        return replace(evidence, digest=digest, findings=self.problems.get(directory, evidence.findings))


_IS_AN_EXAMINE: Examine = FakeExaminer()


def job_context(github: GitHub | None = None, *, examine: Examine | None = None, **changes: Any) -> JobContext:
    """What a job works with; `changes` are of its settings."""
    client = github or FakeGitHub()
    return JobContext(
        settings(**changes), lambda: client, examine or FakeExaminer(), lambda: NOW, patience=Patience(lambda _: None)
    )


class FakeRepository(FetchedRepository):
    """Git's answers to what is read by object id, from commits held in memory; it starts no process."""

    def __init__(self, commits: Mapping[str, Commit]) -> None:
        self.commits = commits
        self._small_files, self._room = {}, 0
        self.read: list[str] = []
        """The blobs that were opened."""

    def close(self) -> None: ...

    def has_commit(self, sha: str) -> bool:
        return sha in self.commits

    def expect(self, oids: Collection[str], *, max_bytes: int) -> None: ...

    def missing(self, oids: Collection[str]) -> list[str]:  # noqa: ARG002 - all of them are in memory
        return []

    def fetch_commit(self, sha: str) -> GitSha:
        if sha not in self.commits:
            raise CouldNotVerify(f"cannot fetch {sha}: not our ref", remedy="run the job again")
        return GitSha(sha)

    def resolve(self, revision: str) -> GitSha | None:
        return GitSha(revision) if revision in self.commits else None

    def lfs(self, commit: str) -> LfsStore:
        return LocalLfs(Path("nowhere"), commit)

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        return ancestor in self._history(descendant)

    def is_shallow(self) -> bool:
        return False

    def attributes(self, commit: str, paths: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, str]]:  # noqa: ARG002 - no file of attributes is held here
        return {path: dict.fromkeys(names, "unspecified") for path in paths}

    def messages_since(self, base: str | None, head: str, trailer: str, *, limit: int) -> list[tuple[GitSha, str]]:
        older = set(self._history(base)) if base else set()
        told = [(GitSha(sha), self.commits[sha].message) for sha in self._history(head) if sha not in older]
        return [(sha, message) for sha, message in told if f"\n{trailer}: " in message][:limit]

    def merge_bases(self, one: str, other: str) -> list[GitSha]:
        common = [sha for sha in self._history(one) if sha in set(self._history(other))]
        behind = {older for sha in common for older in self._history(sha)[1:]}
        if not common:
            raise InvalidInput("the branch shares no history with its base", remedy="start the branch from the base")
        return [GitSha(sha) for sha in common if sha not in behind]

    def changed_paths(self, old: str, new: str, only: str = "") -> list[str]:
        before, after = self.commits[old].files, self.commits[new].files
        changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
        wanted = {"A": {*after} - {*before}, "D": {*before} - {*after}, "": {*before, *after}}[only]
        return [path for path in changed if path in wanted]

    def list_tree(self, commit: str, path: str, recursive: bool) -> list[TreeEntry]:
        below, files = path.rstrip("/"), self.commits[commit].files
        trees = {"/".join(parts[:end]) for file in files if (parts := file.split("/")) for end in range(1, len(parts))}
        inside = f"{below}/" if below else ""
        lists_children = path.endswith("/") or not path

        def named(entry: str) -> bool:
            if entry == below:
                return recursive or not lists_children
            if recursive and below.startswith(f"{entry}/"):
                return True  # ls-tree -t shows the trees on the way
            inside_it = entry.startswith(inside)
            return inside_it and (recursive or (lists_children and "/" not in entry.removeprefix(inside)))

        return [self._entry(commit, entry) for entry in sorted({*files, *trees}) if named(entry)]

    def _entry(self, commit: str, path: str) -> TreeEntry:
        files = self.commits[commit].files
        if path in files:
            return TreeEntry("100644", _sha1(files[path]), None, path)
        below = repr(sorted((p, files[p]) for p in files if p.startswith(f"{path}/")))
        return TreeEntry("040000", _sha1(below.encode()), None, path)

    @contextmanager
    def open_blob(self, oid: str) -> Iterator[BinaryIO]:
        self.read.append(oid)
        blobs = [data for commit in self.commits.values() for data in commit.files.values()]
        yield io.BytesIO(next(d for d in blobs if _sha1(d) == oid))

    def read_blobs(self, oids: Sequence[str], *, max_bytes: int) -> dict[str, bytes]:
        blobs: dict[str, bytes] = {}
        for oid in oids:
            with self.open_blob(oid) as stream:
                data = stream.read()
            max_bytes -= len(data)
            if max_bytes < 0:
                break
            blobs[oid] = data
        return blobs

    def tree_id(self, commit: str) -> str:
        return self.commits[commit].tree

    def changed_entries(self, old: str, new: str) -> list[ChangedEntry]:
        before, after = self.commits[old].files, self.commits[new].files
        modes = {True: "100644", False: "000000"}
        return [
            ChangedEntry(
                path, modes[path in before], modes[path in after], _sha1(after[path]) if path in after else "0" * 40
            )
            for path in self.changed_paths(old, new)
        ]

    def read_as(self, sha: str, commit: str) -> None:
        self.commits = {**self.commits, sha: self.commits[commit]}

    def commits_of(self, path: str, head: str) -> list[GitSha]:
        history = self._history(head)
        below = [*(self.commits[sha].files for sha in history[1:]), {}]
        return [
            GitSha(sha)
            for sha, before in zip(history, below, strict=True)
            if self.commits[sha].files.get(path) != before.get(path)
        ]

    def changes_since(self, base: str, head: str, paths: Sequence[str]) -> bool:
        old = self._history(base)
        own = [sha for sha in self._history(head) if sha not in old]
        return any(self._changes(sha, path) for sha in own for path in paths)

    def fork_points(self, base: str, head: str) -> list[GitSha]:
        old = self._history(base)
        own = [sha for sha in self._history(head) if sha not in old]
        return [GitSha(sha) for sha in old if any(sha in self.commits[one].parents for one in own)]

    def rebased_tree(self, head: str, base: str) -> str | None:  # noqa: ARG002 - as if one of the commits conflicted
        return None

    def paths_of_commits(self, base: str, head: str, *, merges: bool = True) -> list[str]:
        old = self._history(base)
        own = [sha for sha in self._history(head) if sha not in old]
        own = [sha for sha in own if merges or len(self.commits[sha].parents) < 2]
        names = {name for sha in own for name in (*self.commits[sha].files, *self._before(sha))}
        return sorted(name for name in names if any(self._changes(sha, name) for sha in own))

    def _before(self, sha: str) -> set[str]:
        return {name for parent in self.commits[sha].parents for name in self.commits[parent].files}

    def _changes(self, sha: str, path: str) -> bool:
        commit = self.commits[sha]
        parents = [self.commits[parent].files for parent in commit.parents] or [{}]
        below = {name for files in (commit.files, *parents) for name in files if f"{name}/".startswith(f"{path}/")}
        return any(commit.files.get(name) != files.get(name) for name in below for files in parents)

    def mainline_commits(
        self,
        head: str,
        paths: Sequence[str],
        *,
        ends: Callable[[GitSha], bool] | None = None,  # noqa: ARG002 - all of the history is here
    ) -> Iterator[GitSha]:
        line = [head]
        while self.commits[line[-1]].parents:
            line.append(self.commits[line[-1]].parents[0])
        below = [*(self.commits[sha].files for sha in line[1:]), {}]
        return (
            GitSha(sha)
            for sha, before in zip(line, below, strict=True)
            if any(self.commits[sha].files.get(path) != before.get(path) for path in paths)
        )

    def _history(self, head: str) -> list[str]:
        """The commit and everything behind it, the newest first."""
        history = [head] if head in self.commits else []
        for sha in history:
            history += [parent for parent in self.commits[sha].parents if parent not in history]
        return history

    def _run(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: BinaryIO | None = None,
        max_file_bytes: int | None = None,
    ) -> str:
        given = f"env: {bool(env)}, stdin: {bool(stdin)}, most: {max_file_bytes}"
        raise AssertionError(f"git {' '.join(arguments)} is not one of this fake's answers ({given})")


def diverged(
    base: Mapping[str, bytes], head: Mapping[str, bytes], *, fork: Mapping[str, bytes] | None = None
) -> Changeset:
    """A pull request's two ends as commits that left a common one, the base as it was where nothing else is given.

    Models were trained on a commit that lies behind all of them.
    """
    start = Commit((TRAINED,), base if fork is None else fork)
    commits: dict[str, Commit] = {
        TRAINED: Commit(),
        FORK: start,
        BASE: Commit((FORK,), base),
        HEAD: Commit((FORK,), head),
    }
    return Changeset(FakeRepository(commits), BASE, HEAD, DEFAULT_PATH, POLICY_PATH)


def pull_snapshot(
    changeset: Changeset, pull: PullRequest | None = None, *, trusted: Policy | None = None
) -> PullSnapshot:
    """A pull request as a job fetched it at NOW; `trusted` is the default branch's policy."""
    repository = changeset.repository
    assert isinstance(repository, FetchedRepository)
    return PullSnapshot(repository, pull or pull_request(), changeset, "main", trusted or Policy(), NOW)
