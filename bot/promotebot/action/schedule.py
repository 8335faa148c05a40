"""The schedule: verify the whole registry, remember what verified, and keep one issue: opened, updated, closed."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from promotebot.action.breakage import find_breakages, is_wrong
from promotebot.action.ledger import VERIFIED, Ledger
from promotebot.action.reminders import remind
from promotebot.action.reply import comment_context
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.artifact.lfs import CONTENT
from promotebot.artifact.manifest import FILE_NAME
from promotebot.artifact.source import GitTree, Kind
from promotebot.comments.comment import contact_names
from promotebot.comments.findings import problems
from promotebot.comments.markdown import code, link, table, text
from promotebot.comments.notices import branch_subject
from promotebot.comments.verification_issue import changes_since, healed, issue_title, render_issue
from promotebot.errors import CouldNotVerify, InvalidInput, PromotebotError
from promotebot.findings import Finding, Severity, warning
from promotebot.gate.refusal import Reason
from promotebot.git.branch import FetchedRepository
from promotebot.git.recent import WHOLE
from promotebot.github.events import Dispatched, Event, Pushed, Scheduled
from promotebot.planning.committed import read_policy, read_registry
from promotebot.planning.restore import PinnedEvidence, PromotedBytes
from promotebot.promotion.contacts import Contacts, Purpose
from promotebot.promotion.orphans import check_orphans
from promotebot.promotion.policy import Policy
from promotebot.promotion.sections import SchedulePolicy
from promotebot.pulls.branch_commands import FIRST_REGISTRY
from promotebot.pulls.context import JobContext
from promotebot.pulls.default_policy import default_policy
from promotebot.pulls.heads import NOTHING
from promotebot.pulls.small_files import read_our_files
from promotebot.pulls.snapshot import BASE, remote
from promotebot.registry.names import GitSha
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Remedy
from promotebot.settings import Settings
from promotebot.text import counted, visible
from promotebot.verification.evidence_files import EvidenceFiles
from promotebot.verification.report import ReportScope, VerifyReport, merge_reports, read_report
from promotebot.verification.shards import parse_shard, shard_of, stored_sizes
from promotebot.verification.verify import VerificationInput, verify

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import Issue

log = logging.getLogger(__name__)
SUBJECT = "@verify"
REPORT, REPORTS = "promotebot-report.json", "promotebot-reports"
"""In the runner's temporary directory: a shard's report, and all shards' reports for the job that merges them."""
MERGE = "merge"
MANIFESTS_BYTES = 256 * 1024 * 1024
"""Of all manifests together that are read for the sizes in them; those beyond count for nothing."""
_COUNTED = {
    Severity.PASS: "passed",
    Severity.WARNING: "with a warning",
    Severity.ERROR: "failed",
    Severity.UNKNOWN: "unknown",
}
"""What the issue says of how many checks."""
_TITLES = {
    "verified": "The registry verifies",
    "mismatch": "The registry does not verify",
    "could_not_verify": "The registry could not be verified",
}
_VERBS = {"mismatch": "does not verify", "could_not_verify": "could not be verified"}


def verify_registry(event: Event, job: JobContext) -> Answer:
    """Verify a branch; exit 0 verified, 1 does not verify, 4 could not verify.

    A shard leaves its report for the job that merges them; only the whole keeps the issue and the ledger.
    """
    settings = job.settings
    branch = _branch(event, job)
    if settings.shard == MERGE:
        report, policy = merge_reports(_reports(settings)), default_policy(job)
    else:
        report, policy = _verified(branch, event, job)
    if settings.shard not in ("", MERGE):
        _leave(report, settings)
    else:
        _conclude(report, branch, policy, job)
    outcome = {0: Outcome.PASSED, 1: Outcome.REFUSED}.get(report.exit_code, Outcome.FAILED)
    reason = {0: Reason.VERIFIED, 1: Reason.MISMATCH}.get(report.exit_code, Reason.COULD_NOT_VERIFY)
    details = {"verdict": report.verdict, "counts": {k.value: v for k, v in report.counts.items()}}
    return Answer(outcome, reason, _TITLES[report.verdict], summary=_summary(report), details=details)


def _verified(branch: str, event: Event, job: JobContext) -> tuple[VerifyReport, Policy]:
    settings = job.settings
    refs = {BASE: f"refs/heads/{branch}"}  # with all of the history: any model may have been trained long ago
    with FetchedRepository.fetched(remote(job), refs, depth=WHOLE) as repository:
        commit = repository.commit_id(BASE)
        last = Ledger(branch, VERIFIED, job).last(commit)
        known = last or (event.before if isinstance(event, Pushed) and event.before != NOTHING else None)
        older = repository.fetch_commit(known) if known else None
        read_our_files(repository, [commit, *([older] if older else [])], job)
        base = read_registry(repository, older, settings.registry_path) if older else None
        registry = read_registry(repository, commit, settings.registry_path)
        if registry is None:
            raise CouldNotVerify(f"{branch} has no registry", where=settings.registry_path, remedy=FIRST_REGISTRY)
        policy = read_policy(repository, commit, settings.policy_path)
        tree = GitTree(repository, commit, fetches_lfs=False)
        subject = VerificationInput(
            registry,
            tree,
            policy,
            lambda sha: repository.is_ancestor(sha, commit),
            base,
            restore=PromotedBytes(repository, commit, job.examine, policy.terms).remedy,
            evidence=EvidenceFiles(tree, PinnedEvidence(repository, commit).remedy),
        )
        every, shard = sorted({*registry, *(base or ())}), parse_shard(settings.shard or None)
        sizes = _sizes(repository, commit, registry, policy, job) if shard else {}
        names, remarks = shard_of(every, shard, settings.shard, _size_of(registry, sizes))
        scope = ReportScope(
            registry=settings.registry_path,
            commit=commit,
            base=known if base is not None else None,
            shard=settings.shard or None,
            dealt=len(every) if shard else None,
        )
        remarks = [*remarks, *check_orphans(registry), *_compares_with_less(branch, last, base)]
        report = verify(subject, names, scope, examine=job.examine, now=job.clock(), remarks=remarks)
        if isinstance(event, Scheduled):
            remind(registry, set(names), policy, job)
        return report, policy


def _sizes(
    repository: FetchedRepository, commit: GitSha, registry: ModelRegistry, policy: Policy, job: JobContext
) -> Mapping[str, int]:
    """Return path → bytes of a commit's files, and of those that manifests name where the policy lets them be read."""
    sizes = job.github.file_sizes(commit)
    if not policy.storage:
        return sizes
    held = {f"{directory}/{FILE_NAME}": directory for name in registry for directory in _directories(registry, name)}
    entries = [e for e in repository.list_tree(commit, "", recursive=True) if e.kind is Kind.FILE and e.path in held]
    manifests = repository.read_blobs([*dict.fromkeys(entry.oid for entry in entries)], max_bytes=MANIFESTS_BYTES)
    stored = dict[str, int]()
    for entry in entries:
        stored |= stored_sizes(held[entry.path], manifests.get(entry.oid, b""))
    return {**stored, **sizes}


def _directories(registry: ModelRegistry, name: str) -> set[str]:
    """Return what a model's stages hold; nothing for one that does not read, which is found when it is verified."""
    try:
        held = registry.pointers(name).values() if name in registry else ()
    except InvalidInput:
        return set()
    return {str(pointer.artifact_dir) for pointer in held if pointer}


def _size_of(registry: ModelRegistry, sizes: Mapping[str, int]) -> Callable[[str], int]:
    """Return what tells the bytes of the artifacts that a model's stages hold."""
    below = Counter[str]()
    for path, size in sizes.items():
        for directory in PurePosixPath(path).parents:
            below[str(directory)] += size
    return lambda name: sum(below[directory] for directory in _directories(registry, name))


def _compares_with_less(branch: str, last: str | None, base: ModelRegistry | None) -> Iterator[Finding]:
    if last and base:
        return
    what = "nothing" if base is None else "what this push replaced"
    yield warning(
        "verify.base",
        f"No state of {branch} was verified before, so its history is compared with {what}.",
        remedy="check the history once yourself. Later verifications compare with this one, if no issue about the "
        "registry is open; close the issue when the history is right",
    )


def _conclude(report: VerifyReport, branch: str, policy: Policy, job: JobContext) -> None:
    """Keep one issue while it fails, always as things are now. When it verifies, remember the commit.

    People are told with a comment only when something new is wrong, or something verifies again.

    What made an issue necessary may be a history that was rewritten, which only a comparison with the last verified
    commit shows. So a run that did not compare with that one neither closes the issue nor is remembered.
    """
    settings, subject = job.settings, branch_subject(SUBJECT, branch, job.default_branch)
    breakages = find_breakages(report, branch, policy, job) if report.exit_code else []
    title = issue_title(breakages, _VERBS.get(report.verdict, ""), _TITLES[report.verdict])
    title += "" if branch == job.default_branch else f" on {visible(branch)[:60]}"
    facts, wrong = _facts(report, policy.contacts, settings), [_without_remedy(f) for f in _wrong(report)]
    context = comment_context(settings, Requester(0, "", "", settings.run_url or ""))
    marker, body = render_issue(subject, title, breakages, wrong, facts, context)
    known = job.github.find_issue(marker, author_login=settings.bot_login)
    if report.exit_code == 0:
        _remember(report, branch, known, body, job)
    elif known:
        job.github.update_issue(known.number, body=body, title=title, comment=changes_since(known.body, wrong))
    else:
        made = job.github.create_issue(title, body)
        log.info("opened %s", made.html_url)
        _send_to(made, policy.schedule, job)


def _send_to(issue: Issue, schedule: SchedulePolicy, job: JobContext) -> None:
    """Label and assign a new issue; one that GitHub refuses is logged, and the issue stays."""
    wishes = [partial(job.github.add_label, issue.number, label) for label in schedule.labels]
    wishes += [partial(job.github.assign, issue.number, schedule.assignees)] if schedule.assignees else []
    for wish in wishes:
        try:
            wish()
        except PromotebotError as problem:  # noqa: PERF203 - each for itself
            log.warning("%s: %s", issue.html_url, problem)


def _without_remedy(finding: Finding) -> Finding:
    """Return a finding on an artifact without its own remedy: a manifest written anew would bless the wrong bytes.

    The issue has the lines that put the right ones back.
    """
    blesses = finding.rule.startswith(("artifact.", "manifest.", "golden.")) and finding.rule != CONTENT
    return finding.model_copy(update={"remedy": Remedy()}) if blesses else finding


def _remember(report: VerifyReport, branch: str, known: Issue | None, body: str, job: JobContext) -> None:
    settings, ledger, tip = job.settings, Ledger(branch, VERIFIED, job), str(report.about.commit)
    base, last = report.about.base, ledger.last(tip)
    if base and last and base != last:
        log.warning("another job has verified %s meanwhile; this one compared with something older", branch)
    elif known and (base != last or last is None):
        log.warning("%s stays open, and %s is not remembered: nothing was compared", known.html_url, tip[:7])
        job.github.update_issue(known.number, body=body)
    else:
        ledger.record(tip)
        if known:
            run = link("this run", settings.run_url) if settings.run_url else "the last run"
            comment = (
                f"Healthy again: {run} verified {counted(len(report.models), 'model')}.\n\n{healed(known.body)}".strip()
            )
            job.github.update_issue(known.number, body=body, comment=comment, close=True)


def _branch(event: Event, job: JobContext) -> str:
    if isinstance(event, Pushed):
        return event.branch
    if isinstance(event, Dispatched):
        return event.ref.removeprefix("refs/heads/")
    return job.default_branch


def _leave(report: VerifyReport, settings: Settings) -> None:
    path = Path(settings.runner_temp) / REPORT
    path.write_text(json.dumps(report.model_dump(mode="json")), encoding="utf-8")
    log.info("report of shard %s: %s", settings.shard, path)


def _reports(settings: Settings) -> Sequence[VerifyReport]:
    directory = Path(settings.runner_temp) / REPORTS
    files = sorted(directory.rglob("*.json"))
    return [read_report(path.read_bytes(), where=str(path)) for path in files]


def _facts(report: VerifyReport, contacts: Contacts, settings: Settings) -> dict[str, str]:
    return {
        "registry": code(report.about.registry),
        "commit": code(report.about.commit or ""),
        "compared with": code(report.about.base) if report.about.base else "nothing",
        "run": link("the run", settings.run_url) if settings.run_url else "",
        "contacts": contact_names(contacts, Purpose.SCHEDULE),
        "checks": ", ".join(f"{report.counts[severity]:,} {word}" for severity, word in _COUNTED.items()),
    }


def _wrong(report: VerifyReport) -> list[Finding]:
    """Return what does not verify, model by model, and what is said of the whole."""
    whole = [f for f in report.findings if not f.model and f.severity is Severity.WARNING]
    return [
        *(f.model_copy(update={"message": f"{f.model}: {f.message}"}) for f in report.findings if is_wrong(f)),
        *whole,
    ]


def _summary(report: VerifyReport) -> str:
    """Return the table of models for the run's page."""
    rows = []
    for name in report.models:
        findings = [finding for finding in report.findings if finding.model == name]
        wrong = sum(map(is_wrong, findings))
        warned = sum(finding.severity is Severity.WARNING for finding in findings)
        rows.append((code(name), "❌" if wrong else "✅", str(len(findings)), str(warned), str(wrong)))
    head = f"### {text(_TITLES[report.verdict])}"
    models = table(("model", "", "checked", "warnings", "errors"), rows) if rows else ""
    said = [text(one.message) for one in report.findings if not rows and one.severity is Severity.PASS]
    return "\n\n".join(filter(None, [head, models, *said, problems(_wrong(report), limit=None)]))
