"""Rules about the origin of a model: its training commit and its dataset, as the manifest names them."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.artifact.signatures import signature_findings
from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.rules.context import RuleContext
from promotebot.registry.names import Stage
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
    """Check, for ACTIVE, that the training commit is in the history of the base or the head."""
    sha = context.request.git_sha
    # Without a commit the rule active.git_sha reports what is missing.
    if context.request.stage is not Stage.ACTIVE or sha is None:
        return
    if context.facts.commit_reachable:
        yield passed("git_sha.ancestor", f"{sha[:12]} is an ancestor of the base or the head")
    # Going back must not fail because a branch was squashed after the first promotion.
    elif context.is_rollback and any(event.pointer.git_sha == sha for event in context.base_history):
        yield warning(
            "git_sha.ancestor",
            f"{sha[:12]} is not in the history any more (a squash merge, a shallow clone), but it was recorded before.",
            remedy="nothing to do: a rollback takes the commit that history names",
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
