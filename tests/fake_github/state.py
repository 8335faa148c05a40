"""The state of one embedded GitHub, as plain data: its users, tokens, repositories, requests and faults."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

from tests.fake_github.accounts import ACTIONS_APP, ACTIONS_BOT, App, Credential, Role, User, new_token
from tests.fake_github.bare import BareRepository
from tests.fake_github.budget import Budget, payer_of
from tests.fake_github.faults import Fault
from tests.fake_github.lateness import Lateness
from tests.fake_github.records import (
    Activity,
    CheckRun,
    Comment,
    Deployment,
    Dispatch,
    Issue,
    Label,
    Protection,
    RequestRecord,
    Review,
    Status,
    WorkflowRun,
)
from tests.fake_github.refusals import not_found
from tests.fake_github.settings import Settings

Method = TypeVar("Method", bound=Callable[..., Any])


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


def locked(method: Method) -> Method:
    """Hold the hub's lock while a method of something with a `hub` runs."""

    @functools.wraps(method)
    def run(self: Any, *arguments: Any, **options: Any) -> Any:
        with self.hub.lock:
            return method(self, *arguments, **options)

    return run  # type: ignore[return-value]  # the same signature


class HubState:
    """The state behind the API. `lock` guards all of it; `clock` returns an aware UTC time."""

    def __init__(self, root: Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.root = root
        self.clock = clock
        self.passed = timedelta()
        self.late = Lateness()
        self.lock = threading.RLock()
        self.server_url = ""
        self.users: dict[str, User] = {ACTIONS_BOT.login: ACTIONS_BOT}
        self.apps: dict[str, App] = {ACTIONS_APP.slug: ACTIONS_APP}
        self.credentials: dict[str, Credential] = {}
        self.repositories: dict[str, RepositoryState] = {}
        self.requests, self.git_requests = list[RequestRecord](), list[RequestRecord]()
        self.teams: dict[str, dict[str, str]] = {}  # "org/slug" → login → active or pending, in lower case
        self.faults: list[Fault] = []
        self.spent: dict[tuple[str, int], int] = {}
        self.file_limit = 100 * 1024 * 1024
        self._ids = itertools.count(1_000_000_001)

    @property
    def api_url(self) -> str:
        """The REST root, where GitHub Enterprise Server has it."""
        return f"{self.server_url}/api/v3"

    def instant(self) -> datetime:
        """Return the time, which the clock tells and tests pass."""
        return self.clock().astimezone(timezone.utc) + self.passed

    def now(self) -> datetime:
        """Return the time in whole seconds, as GitHub shows times."""
        return self.instant().replace(microsecond=0)

    def pass_time(self, seconds: float) -> None:
        """Let time pass without waiting for it."""
        with self.lock:
            self.passed += timedelta(seconds=seconds)

    def catch_up(self) -> None:
        """Let so much time pass that reads show everything that happened."""
        self.pass_time(max(self.late.heads, self.late.reads) + 1)

    def next_id(self) -> int:
        return next(self._ids)

    def user(self, login: str) -> User:
        """Return the account of that name, in any case. Raises HttpError 404."""
        with self.lock:
            user = self.users.get(login.lower())
        if user is None:
            raise not_found()
        return user

    def app(self, slug: str) -> App:
        """Return the app of that name, registered when missing."""
        return self.apps.setdefault(slug, App(self.next_id(), slug, slug))

    def add_user(self, login: str, *, type: str = "User") -> User:  # noqa: A002 - GitHub's word
        """Register an account of type User, Bot or Organization; return the same one when it exists."""
        with self.lock:
            return self.users.setdefault(login.lower(), User(self.next_id(), login, type))

    def issue_user_token(self, login: str) -> str:
        """Mint a classic personal token: it acts as the user, with the user's roles."""
        with self.lock:
            token = new_token("ghp")
            self.credentials[token] = Credential(token, self.user(login))
            return token

    def repository(self, full_name: str) -> RepositoryState:
        """Return the repository of that name, in any case. Raises HttpError 404."""
        repo = self.repositories.get(full_name.lower())
        if repo is None:
            raise not_found()
        return repo

    def inject(self, fault: Fault) -> Fault:
        """Make requests fail; see `Fault`."""
        with self.lock:
            self.faults.append(fault)
        return fault

    def spend(self, credential: Credential | None) -> Budget:
        """Count one request, or one connection of git, against the hour's budget of who makes it.

        https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api: an Actions token's is its
        repository's, shared by all workflows.
        """
        with self.lock:
            payer, limit = payer_of(credential)
            hour = int(self.instant().timestamp()) // 3600
            used = self.spent[payer, hour] = self.spent.get((payer, hour), 0) + 1
            return Budget(limit, used, (hour + 1) * 3600)

    def take_fault(self, method: str, path: str) -> Fault | None:
        """Return the fault that strikes this request, counted down."""
        with self.lock:
            return next((fault for fault in self.faults if fault.strikes(method, path)), None)


@dataclass
class ActivityLog:
    """The branches as they were last seen, and every change since, oldest first."""

    entries: list[Activity] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)


class RepositoryState:
    """A repository with its bare git directory at `git_dir`."""

    def __init__(
        self, hub: HubState, owner: User, name: str, git_dir: Path, default_branch: str, private: bool
    ) -> None:
        self.hub = hub
        self.id = hub.next_id()
        self.owner = owner
        self.name = name
        self.git = BareRepository.create(git_dir, default_branch)
        self.default_branch = default_branch
        self.private = private
        self.parent: RepositoryState | None = None
        self.created_at = self.pushed_at = hub.now()
        self.actions_may_open_pulls = False  # "Allow GitHub Actions to create and approve pull requests": off at first
        self.verified: set[str] = set()  # commits with a signature that GitHub knows
        self.roles: dict[User, Role] = {owner: Role.ADMIN}
        self.labels: dict[str, Label] = {}
        self.issues: dict[int, Issue] = {}
        self.pulls: dict[int, Pull] = {}
        self.comments: dict[int, Comment] = {}
        self.check_runs: dict[int, CheckRun] = {}
        self.statuses: list[Status] = []
        self.deployments: dict[int, Deployment] = {}
        self.runs: dict[int, WorkflowRun] = {}
        self.dispatches: list[Dispatch] = []
        self.queue: list[MergeGroup] = []
        self.activity = ActivityLog()
        self.protections: dict[str, Protection] = {}
        self.settings = Settings()

    @property
    def merge_methods(self) -> set[str]:
        return self.settings.merge_methods

    @merge_methods.setter
    def merge_methods(self, methods: set[str]) -> None:
        self.settings.merge_methods = methods

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def git_dir(self) -> Path:
        return self.git.git_dir

    @property
    def clone_url(self) -> str:
        return f"{self.hub.server_url}/{self.full_name}.git"

    @property
    def requests(self) -> list[RequestRecord]:
        """The API requests received for this repository, oldest first."""
        prefix = f"/repos/{self.full_name}/".lower()
        return [request for request in self.hub.requests if f"{request.path.lower()}/".startswith(prefix)]

    def role_of(self, user: User) -> Role:
        """Return the role a user holds; everyone may read a public repository."""
        floor = Role.NONE if self.private else Role.READ
        return max(self.roles.get(user, Role.NONE), floor)

    def association_of(self, user: User) -> str:
        """Return `author_association`: how GitHub describes a commenter. Never a permission."""
        if user == self.owner:
            return "OWNER"
        if user in self.roles:
            return "COLLABORATOR"
        return "CONTRIBUTOR" if any(p.merged and p.user == user for p in self.pulls.values()) else "NONE"

    def pull(self, number: int) -> Pull:
        """Return the pull request with this number. Raises HttpError 404."""
        if number not in self.pulls:
            raise not_found()
        return self.pulls[number]

    def issue(self, number: int) -> Issue:
        """Return the issue or pull request with this number. Raises HttpError 404."""
        if number not in self.issues:
            raise not_found()
        return self.issues[number]

    def comments_on(self, number: int) -> list[Comment]:
        return [comment for comment in self.comments.values() if comment.number == number]

    def label(self, name: str) -> Label:
        """Return the repository's label of that name, in any case, made when missing."""
        return self.labels.setdefault(name.lower(), Label(self.hub.next_id(), name))

    def find_in_network(self, owner: str) -> RepositoryState | None:
        """Return this repository or the fork of it that `owner` has."""
        root = self.parent or self
        for other in self.hub.repositories.values():
            if other.owner.login.lower() == owner.lower() and root in (other, other.parent):
                return other
        return None


@dataclass
class Pull:
    """The git half of a pull request.

    `base_sha` is the base's tip when the head last moved; as on GitHub it does not follow the base.
    `tested_base` is the base's tip the last test merge was made with.
    """

    id: int
    issue: Issue
    base: RepositoryState
    base_ref: str
    base_sha: str
    head: RepositoryState
    head_ref: str
    head_sha: str
    draft: bool = False
    tested_base: str = ""
    mergeable: bool | None = None
    merge_commit_sha: str | None = None
    merged_at: datetime | None = None
    merged_by: User | None = None
    reviews: list[Review] = field(default_factory=list)
    base_changes: int = 0  # how often somebody gave it another base
    heads: list[tuple[datetime, str]] = field(default_factory=list)  # with the moment each came, the oldest first
    shown_ref: str = ""

    @property
    def number(self) -> int:
        return self.issue.number

    @property
    def title(self) -> str:
        return self.issue.title

    @property
    def state(self) -> str:
        return self.issue.state

    @property
    def user(self) -> User:
        return self.issue.user

    @property
    def merged(self) -> bool:
        return self.merged_at is not None


@dataclass(frozen=True)
class MergeGroup:
    """An entry of the merge queue: `pull_head` as queued, merged onto `base_sha` as `head_sha`."""

    pull: Pull
    pull_head: str
    by: User
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
