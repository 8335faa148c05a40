"""Everything one embedded GitHub knows: users, tokens, repositories, the clock, and the log of requests."""

from __future__ import annotations

import itertools
import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from tests.fake_github.accounts import ACTIONS_APP, ACTIONS_BOT, App, Credential, User, new_token
from tests.fake_github.faults import Fault
from tests.fake_github.push_rules import install_update_hook
from tests.fake_github.refusals import not_found
from tests.fake_github.state import Repository

NAME = r"[A-Za-z0-9-]+/(?!\.{1,2}$)[A-Za-z0-9._-]+"
OLDEST_GIT = (2, 38)  # the first with `merge-tree --write-tree`


@dataclass(frozen=True)
class RequestRecord:
    """One HTTP request as received; `login` is empty for the anonymous, `path` has no API root."""

    method: str
    path: str
    login: str
    status: int


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Hub:
    """The state behind the API. `lock` guards all of it; `clock` returns an aware UTC time."""

    def __init__(self, root: Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.root = root
        self.clock = clock
        self.lock = threading.RLock()
        self.server_url = ""
        self.users: dict[str, User] = {ACTIONS_BOT.login: ACTIONS_BOT}
        self.apps: dict[str, App] = {ACTIONS_APP.slug: ACTIONS_APP}
        self.credentials: dict[str, Credential] = {}
        self.repositories: dict[str, Repository] = {}
        self.requests: list[RequestRecord] = []
        self.git_requests: list[RequestRecord] = []
        self.faults: list[Fault] = []
        self.spent: dict[str, int] = {}
        self._ids = itertools.count(1_000_000_001)

    @property
    def api_url(self) -> str:
        """The REST root, where GitHub Enterprise Server has it."""
        return f"{self.server_url}/api/v3"

    def now(self) -> datetime:
        """The clock in whole seconds, as GitHub shows times."""
        return self.clock().astimezone(timezone.utc).replace(microsecond=0)

    def next_id(self) -> int:
        return next(self._ids)

    def user(self, login: str) -> User:
        """The account of that name, whatever the case; 404 without one."""
        with self.lock:
            user = self.users.get(login.lower())
        if user is None:
            raise not_found()
        return user

    def app(self, slug: str) -> App:
        """The app of that name, registered when missing."""
        return self.apps.setdefault(slug, App(self.next_id(), slug, slug))

    def add_user(self, login: str, *, type: str = "User") -> User:  # noqa: A002 - GitHub's word
        """Register an account of type User, Bot or Organization; the same one when it exists."""
        with self.lock:
            return self.users.setdefault(login.lower(), User(self.next_id(), login, type))

    def issue_user_token(self, login: str) -> str:
        """Mint a classic personal token: it acts as the user, with the user's roles."""
        with self.lock:
            token = new_token("ghp")
            self.credentials[token] = Credential(token, self.user(login))
            return token

    def create_repository(self, full_name: str, *, default_branch: str = "main", private: bool = False) -> Repository:
        """Create an empty repository; an owner not known yet becomes an organisation."""
        if not re.fullmatch(NAME, full_name):
            raise ValueError(f"{full_name!r} names no repository. Next: use OWNER/NAME.")
        owner_login, _, name = full_name.partition("/")
        with self.lock:
            if full_name.lower() in self.repositories:
                raise ValueError(f"{full_name} exists already. Next: choose another name.")
            owner = self.users.get(owner_login.lower()) or self.add_user(owner_login, type="Organization")
            git_dir = self.root / owner.login / f"{name}.git"
            repository = Repository(self, owner, name, git_dir, default_branch, private)
            install_update_hook(git_dir)
            self.repositories[full_name.lower()] = repository
            return repository

    def fork(self, full_name: str, owner: str) -> Repository:
        """Fork a repository to a user, with all branches as they are now."""
        with self.lock:
            parent = self.repository(full_name)
            user = self.add_user(owner)
            fork = self.create_repository(
                f"{user.login}/{parent.name}", default_branch=parent.default_branch, private=parent.private
            )
            fork.parent = parent
            fork.git.fetch_from(parent.git, "+refs/heads/*:refs/heads/*")
            return fork

    def repository(self, full_name: str) -> Repository:
        """The repository of that name, whatever the case; 404 without one."""
        found = self.repositories.get(full_name.lower())
        if found is None:
            raise not_found()
        return found

    def inject(self, fault: Fault) -> Fault:
        """Make requests fail; see `Fault`."""
        with self.lock:
            self.faults.append(fault)
        return fault

    def take_fault(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request, counted down."""
        with self.lock:
            return next((fault for fault in self.faults if fault.strikes(method, path)), None)


def require_git() -> None:
    """Refuse a git too old to merge without a checkout."""
    said = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout
    words = said.split()[2].split(".")
    if (int(words[0]), int(words[1])) < OLDEST_GIT:
        raise RuntimeError(f"{said.strip()} is too old. Next: install git 2.38 or newer.")
