"""What a failed verification is about: each model and its stages, since which commit, and the lines that mend it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PurePosixPath

from promotebot.artifact.dataset import DEFAULT_DIR as DATASETS_DIR
from promotebot.artifact.source import GitTree
from promotebot.comments.verification_issue import Breakage
from promotebot.errors import PromotebotError
from promotebot.findings import Finding, Severity, errors_in
from promotebot.git.branch import FetchedRepository
from promotebot.planning.committed import read_registry
from promotebot.planning.reject import can_go_back
from promotebot.promotion.append_only import check_append_only
from promotebot.promotion.history import check_entry
from promotebot.promotion.policy import Policy
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import BASE, remote
from promotebot.registry.model import Pointer
from promotebot.registry.names import GitSha, ModelName, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import comment, shell
from promotebot.verification.evidence_files import RULE as EVIDENCE_RULE
from promotebot.verification.report import VerifyReport

log = logging.getLogger(__name__)
MAX_LOOKED_AT = 5
"""Commits that changed a directory, each of which may mean a model to fetch and to open."""
MAX_MODELS = 10
"""Models that are looked into; the others are named all the same."""


def find_breakages(report: VerifyReport, branch: str, policy: Policy, job: JobContext) -> list[Breakage]:
    """Return the models that do not verify; what git does not tell is left out, and never keeps the issue away."""
    names = list(dict.fromkeys(f.model for f in report.findings if is_wrong(f) and f.model))
    try:
        with FetchedRepository.fetched(remote(job), {BASE: f"refs/heads/{branch}"}) as repository:
            # What was verified: the branch may have moved on since.
            tip = repository.fetch_commit(report.about.commit or repository.commit_id(BASE))
            registry = read_registry(repository, tip, job.settings.registry_path)
            if registry is None:
                return [Breakage(name) for name in names]
            base = repository.fetch_commit(report.about.base) if report.about.base else None
            look = _Look(report, repository, tip, base, registry, policy, job)
            return [look.at(name) if n < MAX_MODELS else look.named(name) for n, name in enumerate(names)]
    except PromotebotError as problem:
        log.warning("since when it does not verify is not known: %s", problem)
        return [Breakage(name) for name in names]


def is_wrong(finding: Finding) -> bool:
    """Return whether a finding keeps a registry from being verified."""
    return finding.severity in (Severity.ERROR, Severity.UNKNOWN)


@dataclass(frozen=True)
class _Look:
    """Looks through a branch's history for what broke the models of a report."""

    report: VerifyReport
    repository: FetchedRepository
    tip: GitSha
    base: str | None
    """The last commit that verified."""
    registry: ModelRegistry
    policy: Policy
    job: JobContext

    def named(self, name: str) -> Breakage:
        """Return a broken model with its stages and the ways back; nothing is looked for."""
        broken = self._broken(name)
        return Breakage(name, tuple(broken), ways_back=tuple(self._ways_back(name, broken)))

    def at(self, name: str) -> Breakage:
        """Return a broken model with everything that history tells of it."""
        found = self.named(name)
        wrong = {finding.rule for finding in self.report.findings if finding.model == name and is_wrong(finding)}
        try:
            directories = {pointer.artifact_dir: pointer for pointer in self._broken(name).values()}
            looked = [self._directory(name, directory, pointer) for directory, pointer in directories.items()]
            looked += [] if directories or wrong == {EVIDENCE_RULE} else [self._history(ModelName(name))]
        except PromotebotError as problem:
            log.warning("since when %s does not verify is not known: %s", name, problem)
            return found
        since = next((since for _, since in looked if since), None)
        return replace(found, since=since, restores=tuple(line for line, _ in looked if line))

    def _broken(self, name: str) -> dict[Stage, Pointer]:
        """Return the stages whose artifact, or dataset, is what is wrong, ACTIVE first."""
        entry = self.registry.entry(name)
        wrong = [finding.where for finding in self.report.findings if finding.model == name and is_wrong(finding)]
        pointers = [(stage, p) for stage in reversed(Stage) if entry and (p := entry.pointer(stage))]
        return {stage: p for stage, p in pointers if any(_is_about(where, stage, p) for where in wrong)}

    def _ways_back(self, name: str, broken: dict[Stage, Pointer]) -> Iterator[str]:
        files, entries = GitTree(self.repository, self.tip), self.policy.quarantine
        for stage, pointer in broken.items():
            reason = ("--reason", f"{name} {stage.label} does not verify")
            if can_go_back(self.registry, name, stage, files, entries, broken=pointer.artifact_dir):
                yield str(comment("/rollback", name, *([] if stage is Stage.ACTIVE else [stage.value]), *reason))
            else:
                yield str(comment("/demote", name, stage.value, *reason))

    def _directory(self, name: str, directory: str, pointer: Pointer) -> tuple[str, GitSha | None]:
        """Return the line that puts an artifact back as it was promoted, and the commit that changed it."""

        def is_good(commit: str) -> bool:
            tree = GitTree(self.repository, commit).by_pointers()
            evidence = self.job.examine(tree, pointer.artifact_dir, self.policy.terms_for(name))
            return evidence.is_of(pointer) and not errors_in(evidence.findings)

        good, since = self._last_good([directory], is_good)
        return str(shell("git", "checkout", good, "--", directory)) if good else "", since

    def _history(self, name: ModelName) -> tuple[str, GitSha | None]:
        """Return the line that puts a model's file of the registry back, and the commit that broke it."""
        path, now = self.job.settings.registry_path, self.job.clock()
        files = list(dict.fromkeys([self.registry.file_of(name), path]))

        base = read_registry(self.repository, self.base, path) if self.base else None

        def is_good(commit: str) -> bool:
            older = read_registry(self.repository, commit, path)
            if older is None or name not in older:
                return False
            grown = check_append_only(base, older, [name]) if base is not None else ()
            return not errors_in([*check_entry(older, name, now), *grown])

        good, since = self._last_good(files, is_good)
        return str(shell("git", "checkout", good, "--", files[0])) if good else "", since

    def _last_good(self, paths: Sequence[str], is_good: Callable[[str], bool]) -> tuple[str | None, GitSha | None]:
        """Return the newest commit at which some files were right, and the one after it, which changed them."""
        after: GitSha | None = None
        for commit in islice(self.repository.mainline_commits(self.tip, paths), MAX_LOOKED_AT):
            if _or_false(is_good, commit):
                return commit, after
            after = commit
        return (self.base if self.base and _or_false(is_good, self.base) else None), None


def _or_false(is_good: Callable[[str], bool], commit: str) -> bool:
    """Return whether a commit is known to be good: what cannot be read there is not."""
    try:
        return is_good(commit)
    except PromotebotError:
        return False


def _is_about(where: str, stage: Stage, pointer: Pointer) -> bool:
    directories: list[str] = [pointer.artifact_dir]
    if stage is Stage.ACTIVE and pointer.dataset_id:
        directories.append(str(PurePosixPath(DATASETS_DIR, pointer.dataset_id)))
    return any(where == directory or where.startswith(f"{directory}/") for directory in directories)
