"""Rules about the origin of a model: its training commit and its dataset, as the manifest names them."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.artifact.signatures import signature_findings
from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.rules.context import RuleContext
from promotebot.registry.model import Event
from promotebot.registry.names import GitSha, Stage
from promotebot.remedies import Remedy, shell


def manifest_agrees(context: RuleContext) -> Iterator[Finding]:
    """Check that git_sha and dataset_id, which the pointer records, equal the manifest's where it has them."""
    manifest = context.evidence.manifest
    if manifest is None:
        # The finding artifact.manifest reports a manifest that is missing or cannot be read.
        return
    for name, requested, written in (
        ("git_sha", context.request.git_sha, manifest.git_sha),
        ("dataset_id", context.request.dataset_id, manifest.dataset_id),
    ):
        if not (requested and written):
            continue
        if requested == written:
            yield passed(f"manifest.{name}", f"{name} equals the manifest's: {written[:40]}")
        else:
            yield error(
                f"manifest.{name}",
                f"{name} is {requested}, the manifest says {written}.",
                where=f"{context.request.artifact_dir}/manifest.json",
                remedy=Remedy("name the manifest's, or correct the manifest", changes={name: written}),
            )


def artifact_is_signed(context: RuleContext) -> Iterator[Finding]:
    """Check that somebody whom the policy names signed the artifact, where it asks for that.

    What went live before comes back whoever signed it: the rule says so, and refuses nothing.
    """
    signatures, evidence = context.policy.signatures, context.evidence
    if evidence.manifest is not None:
        required = context.request.stage in signatures.required and not context.is_rollback
        yield from signature_findings(evidence.signatures, evidence.artifact_dir, signatures.signers, required=required)


def commit_is_reachable(context: RuleContext) -> Iterator[Finding]:
    """Check, for ACTIVE, that the training commit is known to the repository: a squash merge drops a branch's commits.

    See docs/rules.md, provenance.
    """
    sha = context.request.git_sha
    # Without a commit the rule active.git_sha reports what is missing.
    if context.request.stage is not Stage.ACTIVE or sha is None:
        return
    if context.facts.commit_reachable:
        yield passed("git_sha.ancestor", f"{sha[:12]} is an ancestor of the base or the head")
    elif context.facts.merged_in is not None:
        message = f"{sha[:12]} is a commit of #{context.facts.merged_in}, which was merged into the base"
        yield passed("git_sha.ancestor", message)
    elif event := _recorded(context, sha):
        yield warning(
            "git_sha.ancestor",
            f"{sha[:12]} is not in the history (a squash merge, a shallow clone, or a wrong commit), but it was "
            f"recorded before, with {event.pointer.artifact_id}.",
            remedy="see whether this commit trained the model; if it did, there is nothing to do",
        )
    elif context.facts.commit_reachable is None:
        yield error(
            "git_sha.ancestor",
            f"{sha[:12]} was not compared with the history: this clone is shallow.",
            remedy=Remedy("fetch the rest of the history, then run it again: ", shell("git", "fetch", "--unshallow")),
        )
    else:
        yield error(
            "git_sha.ancestor",
            f"{sha} is not an ancestor of the base or the head of this change.",
            remedy=Remedy("name a commit of this branch or its base with --git-sha", changes={"git_sha": None}),
        )


def _recorded(context: RuleContext, sha: GitSha) -> Event | None:
    """Return the newest event of the base that recorded a commit for this artifact; a rollback takes that of any.

    In a shallow clone the commit may well be in the history, so that only a rollback goes by what was recorded.
    """
    events = [event for event in context.base_history if event.pointer.git_sha == sha]
    if not context.is_rollback:
        is_known = context.facts.commit_reachable is not None
        events = [event for event in events if is_known and context.evidence.is_of(event.pointer)]
    return next(iter(events), None)
