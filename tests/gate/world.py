"""A repository with people, two open pull requests and the bot, in memory: the product's own jobs run in it.

Beside it the world keeps its own books, which ask the product nothing: which events the bot was asked for and decided,
which of them it took back, and who brought each event to which branch.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from promotebot.action.promote import PromotionJob
from promotebot.action.pull_request import evaluate_pulls
from promotebot.action.push import refresh_pulls
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt, report_errors, retry_on_moved_head
from promotebot.action.withdraw import Withdrawal
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import Terms
from promotebot.artifact.source import FileSource
from promotebot.git.process import Identity, Remote
from promotebot.github.events import PullChanged, Pushed, Reviewed
from promotebot.github.ports import BranchPush
from promotebot.promotion.request import CommandArguments
from promotebot.promotion.sections import Permission
from promotebot.pulls.context import JobContext
from promotebot.pulls.patience import Patience
from promotebot.registry.names import ArtifactPath, GitSha, ModelName, Stage
from promotebot.registry.registry import DEFAULT_PATH
from tests.fakes import (
    BOT,
    POLICY_PATH,
    REPO,
    TRAINED,
    Commit,
    FakeGitData,
    FakeGitHub,
    FakeRepository,
    pull_request,
    settings,
)
from tests.gate import trees
from tests.gate.sequences import directory

Files = Mapping[str, bytes]
ROLES = {
    "alice": Permission.MAINTAIN,
    "bob": Permission.MAINTAIN,
    "carol": Permission.WRITE,
    "mallory": Permission.READ,
}
POLICIES = (
    b"stages: {active: {require_prior_stage: false}}\n",
    b"stages: {active: {require_prior_stage: false}, staging: {permission: maintain}}\n",
)
NEW_MODELS = (ModelName("a_new"), ModelName("z_new"))
"""Models that main may not have yet."""
NOWHERE = "0" * 40


@dataclass
class Store:
    """Commits and branches, as a server holds them."""

    commits: dict[str, Commit] = field(default_factory=lambda: {TRAINED: Commit()})
    blobs: dict[str, bytes] = field(default_factory=dict)
    oids: dict[bytes, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, parents: Collection[str], files: Files) -> GitSha:
        sha = hashlib.sha1(f"{len(self.commits)}".encode(), usedforsecurity=False).hexdigest()
        self.commits[sha] = Commit(tuple(parents), dict(files))
        for data in files.values():
            if data not in self.oids:
                self.oids[data] = hashlib.sha1(data, usedforsecurity=False).hexdigest()
                self.blobs[self.oids[data]] = data
        return GitSha(sha)

    def merged(self, ours: str, theirs: str) -> tuple[Files, list[str]]:
        """The files of a merge, and the paths in which the two conflict; where there is no one base, in everything."""
        clone = Clone(self, {})
        bases = clone.merge_bases(ours, theirs)
        fork, one, two = (self.commits[sha].files for sha in (bases[0], ours, theirs))
        paths = sorted({*fork, *one, *two})
        conflicts = [p for p in paths if one.get(p) != two.get(p) and fork.get(p) not in (one.get(p), two.get(p))]
        taken = {path: (two if one.get(path) == fork.get(path) else one).get(path) for path in paths}
        return {path: data for path, data in taken.items() if data is not None}, conflicts if len(bases) == 1 else paths


class Clone(FakeRepository):
    """What a job fetched, and commits in."""

    def __init__(self, store: Store, refs: Mapping[str, str]) -> None:
        super().__init__(store.commits)
        self.store, self.refs = store, refs
        self.trees: dict[str, Files] = {}

    def resolve(self, revision: str) -> GitSha | None:
        return super().resolve(self.refs.get(revision, revision))

    @contextmanager
    def open_blob(self, oid: str) -> Iterator[BinaryIO]:
        yield io.BytesIO(self.store.blobs[oid])

    def refs_below(self, folder: str) -> dict[str, str]:
        return {name.removeprefix(folder): sha for name, sha in self.refs.items() if name.startswith(folder)}

    def tips(self, refs: Sequence[str]) -> Mapping[str, str]:
        there = {f"refs/heads/{name}": sha for name, sha in self.store.branches.items()}
        return {ref: there[ref] for ref in refs if ref in there}

    def merged_tree(self, ours: str, theirs: str) -> tuple[str, list[str]]:
        files, conflicts = self.store.merged(ours, theirs)
        tree = f"tree {len(self.trees)}"
        self.trees[tree] = files
        return tree, conflicts

    def commit_files(
        self,
        parents: Any,
        files: Mapping[str, bytes | None],
        *,
        tree: str | None = None,
        message: str,
        author: Identity,
        when: datetime,
    ) -> GitSha:
        assert author.name == BOT, (message, when)
        whole = {**(self.trees[tree] if tree else self.store.commits[parents[0]].files), **files}
        return self.store.commit(parents, {path: data for path, data in whole.items() if data is not None})


def digest_of(event: Mapping[str, Any]) -> str:
    """The digest of an event, by docs/architecture.md and nothing of the product's."""
    text = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def events_in(files: Files) -> dict[str, tuple[str, dict[str, Any]]]:
    """Model and digest → model and event, of all that a commit's registry holds; none in one that does not read."""
    document = json.loads(files.get(DEFAULT_PATH, b"{}"))
    models = document.get("models", {})
    held = ((name, event) for name in models for event in models[name].get("history", []))
    return {f"{name} {digest_of(event)}": (name, event) for name, event in held}


def content_of(model: str, event: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is asked for with an event, whenever it was planned."""
    pointer = event["pointer"]
    return model, event["to_stage"], pointer["artifact_dir"], pointer["artifact_id"], event["actor"]


@dataclass
class World:
    """main, the two pull requests "one" (alice's) and "two" (carol's), and everybody's deeds."""

    store: Store = field(default_factory=Store)
    github: FakeGitHub = field(default_factory=lambda: FakeGitHub(roles=dict(ROLES)))
    now: datetime = field(default_factory=lambda: trees.base().now + timedelta(days=1))
    heads: dict[str, int] = field(default_factory=dict)
    """Every commit that a branch has stood at → the pull request that it was last a head of."""
    open: dict[str, int] = field(default_factory=dict)
    """Branch → its pull request."""
    wanted: dict[tuple[int, str], tuple[Any, ...]] = field(default_factory=dict)
    """Pull request and request id → what somebody who may was promised, as long as it is not taken back."""
    decided: set[str] = field(default_factory=set)
    """Models and digests of the events that the bot decided and did not take back."""
    carriers: dict[tuple[str, int, str], set[str]] = field(default_factory=dict)
    """Branch, how often it was made, and event → everybody who pushed a head with that event there."""
    brought: dict[tuple[str, str], list[frozenset[str]]] = field(default_factory=dict)
    """Head and event → who had pushed it to a branch by then, each time that somebody put a branch there."""
    made: dict[str, int] = field(default_factory=dict)
    is_behind: bool = False
    """main moved, and its job did not run yet: until then, verdicts are those of main as it was."""
    known_main: str = ""
    """main as its last job saw it."""
    evidence: dict[Any, Evidence] = field(default_factory=dict)
    asked: int = 0

    def __post_init__(self) -> None:
        registry = {DEFAULT_PATH: trees.base().registry.to_bytes(), POLICY_PATH: POLICIES[0]}
        files = {path: data for path, data in trees.FILES.items() if isinstance(data, bytes)}
        self.store.branches["main"] = self.store.commit([TRAINED], {**files, **registry})
        self.known_main = self.main
        self.github.git = FakeGitData(
            self.store.commits, self.store.branches, lambda branch, commit: self.push(BOT, branch, commit)
        )
        for branch in ("one", "two"):
            self.open_pull(branch)

    # What people do

    @property
    def main(self) -> str:
        return self.store.branches["main"]

    def files(self, branch: str) -> Files:
        return self.store.commits[self.store.branches[branch]].files

    def open_pull(self, branch: str) -> None:
        """A pull request with something of its own, on a new branch of an old name."""
        author, number = {"one": "alice", "two": "carol"}[branch], len(self.github.pulls) + 1
        files = {**self.files("main"), f"docs/{number}.md": b"notes\n"}
        self.github.pulls[number] = pull_request(number, author=author, head_ref=branch)
        self.open[branch] = number
        self.push(author, branch, self.store.commit([self.main], files), creates=True)

    def push(self, login: str, branch: str, sha: str, *, creates: bool = False) -> None:
        """Somebody moves a branch, to wherever they like."""
        before = NOWHERE if creates else self.store.branches[branch]
        if before == sha or self.is_merged(sha):
            return  # nothing happens, or a pull request without a commit of its own is closed
        if not creates and not Clone(self.store, {}).is_ancestor(before, sha):
            self.github.forced.add(self.open[branch])
        is_person = login != BOT
        self.github.pushed.setdefault(branch, []).append(BranchPush(before, sha, login, is_person, creates))
        self.store.branches[branch], self.heads[sha] = sha, self.open[branch]
        self.made[branch] = self.made.get(branch, 0) + creates
        number = self.open[branch]
        self.github.pulls[number] = replace(self.github.pulls[number], head_sha=sha)
        for digest in events_in(self.store.commits[sha].files):
            carriers = self.carriers.setdefault((branch, self.made[branch], digest), set())
            carriers |= {login} if is_person else set()
            self.brought.setdefault((sha, digest), []).append(frozenset(carriers))

    def change(self, login: str, branch: str, files: Mapping[str, bytes | None], *parents: str) -> None:
        """Somebody commits these files on a branch."""
        whole = {path: data for path, data in {**self.files(branch), **files}.items() if data is not None}
        self.push(login, branch, self.store.commit([self.store.branches[branch], *parents], whole))

    def merge(self, branch: str, files: Files) -> None:
        """What a pull request's head and main give together is main, and the next one is opened."""
        self.store.branches["main"] = self.store.commit([self.main, self.store.branches[branch]], files)
        number = self.open[branch]
        closed = replace(self.github.pulls[number], state="closed", merged=True, merged_at=self.now)
        self.github.pulls[number] = closed
        self.is_behind = True
        self.open_pull(branch)

    def is_merged(self, sha: str) -> bool:
        return Clone(self.store, {}).is_ancestor(sha, self.main)

    # What the bot does

    def examine(self, source: FileSource, directory: ArtifactPath, terms: Terms) -> Evidence:
        key = (directory, source.fingerprint(directory))
        if key not in self.evidence:
            self.evidence[key] = trees.examine(source, directory, terms)
        return self.evidence[key]

    @contextmanager
    def fetched(
        self,
        _: Remote,
        refs: Mapping[str, str],
        *,
        optional: Mapping[str, str] | None = None,
        depth: int | None = None,  # noqa: ARG002 - all of history is in memory
    ) -> Iterator[Clone]:
        """In the place of `FetchedRepository.fetched`."""
        wanted = {**refs, **(optional or {})}
        # Nobody holds a pull request here, so that the pattern of its holds brings no ref.
        named = {ours: ref for ours, ref in wanted.items() if not ref.endswith("*")}
        there = {ours: self.store.branches[ref.removeprefix("refs/heads/")] for ours, ref in named.items()}
        yield Clone(self.store, there)

    def job(self) -> JobContext:
        self.now += timedelta(minutes=1)
        return JobContext(
            settings(run_id="1", run_attempt="1"),
            lambda: self.github,
            self.examine,
            lambda: self.now,
            patience=Patience(lambda _: None),
        )

    def request(self, branch: str, login: str, work: Callable[[Attempt], Answer]) -> tuple[Answer, str]:
        """Somebody asks in a comment, and the bot answers it."""
        self.asked += 1
        job, requester = self.job(), Requester(self.open[branch], login, f"comment:{self.asked}", "https://github.com/")
        replier = Replier(self.github, job.settings, requester)
        before, (known, _) = self.store.branches[branch], self.github.conversation(requester.pull)
        answer = report_errors(replier, lambda: retry_on_moved_head(requester, job, replier, work, known=known))
        if answer.outcome is Outcome.WITHDRAWN:
            self.keep_books(branch, before)
        return answer, before

    def ask(self, branch: str, login: str, model: ModelName, stage: Stage, name: str, *, dry_run: bool = False) -> None:
        place, artifact_id = directory(name), f"{name}_{stage.value}"
        arguments = CommandArguments(
            stage=stage,
            model=model,
            artifact_dir=place,
            artifact_id=artifact_id,
            new_model=model in NEW_MODELS,
            dry_run=dry_run,
        )
        answer, before = self.request(branch, login, lambda attempt: PromotionJob(attempt, arguments, 1).run())
        if answer.outcome is Outcome.PROMOTED:
            assert not dry_run
            self.wanted[self.open[branch], f"comment:{self.asked}#1"] = (model, stage.value, place, artifact_id, login)
            self.keep_books(branch, before)

    def withdraw(self, branch: str, login: str, model: ModelName | None) -> None:
        self.request(branch, login, lambda attempt: Withdrawal(attempt, model=model).run())

    def judge(self, branch: str) -> None:
        evaluate_pulls(Reviewed((self.open[branch],)), self.job())

    def refresh(self) -> None:
        """The job after main moved."""
        before = dict(self.store.branches)
        refresh_pulls(Pushed("main", self.known_main, self.main), self.job())
        for branch in self.open:
            self.keep_books(branch, before[branch])
        self.is_behind, self.known_main = False, self.main

    def start_jobs(self, before: Mapping[str, str]) -> None:
        """The jobs of what happened since the branches stood there."""
        if self.is_behind:
            self.refresh()
        for branch in self.open:
            if self.store.branches[branch] != before[branch]:
                moved = PullChanged(self.open[branch], "synchronize", before=before[branch])
                evaluate_pulls(moved, self.job())

    # The books

    def keep_books(self, branch: str, before: str) -> None:
        """After a commit of the bot's own: what it dropped is taken back, what it carries for a request is decided."""
        after = self.store.branches[branch]
        if after == before:
            return
        number = self.open[branch]
        old, new = events_in(self.store.commits[before].files), events_in(self.store.commits[after].files)
        asked = {event["request"]["id"] for _, event in new.values() if event.get("request")}
        for digest in old.keys() - new.keys():
            request = old[digest][1].get("request")
            if not request or request["pull"] == number:  # else it is a copy, and the bot's word is for another one
                self.decided.discard(digest)
            if request and request["id"] not in asked:
                self.wanted.pop((number, request["id"]), None)
        for digest, (model, event) in new.items():
            ref: dict[str, Any] = event.get("request") or {}
            content = content_of(model, event)
            if ref.get("repo") == REPO and self.wanted.get((ref["pull"], ref["id"])) == content:
                self.decided.add(digest)
            for older in [d for d in old if not ref and d != digest and content_of(*old[d]) == content]:
                # Made at a terminal and planned again: it is still theirs who brought it.
                brought = self.carriers.get((branch, self.made[branch], older), set())
                self.carriers.setdefault((branch, self.made[branch], digest), set()).update(brought)
                self.brought.setdefault((after, digest), []).append(frozenset(brought))

    def mergeable(self) -> dict[str, Files]:
        """The heads of open pull requests that could be merged now, by the bot's own word, and what main would hold.

        None while main has moved and its job is still to come.
        """
        heads = [sha for sha, number in self.heads.items() if number in self.open.values() and not self.is_behind]
        green = [sha for sha in heads if self._verdict(sha) == ("success", BOT)]
        merged = {sha: self.store.merged(sha, self.main) for sha in green if not self.is_merged(sha)}
        return {sha: files for sha, (files, conflicts) in merged.items() if not conflicts}

    def _verdict(self, sha: str) -> tuple[str, str]:
        newest = next((s for s in self.github.statuses(sha) if s.context == "promotebot/gate"), None)
        return (newest.state, newest.creator) if newest else ("", "")
