"""From what was asked to a complete request: inferred for a promotion, found in history for the way back."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.artifact.dataset import expect_dataset
from promotebot.artifact.manifest import FILE_NAME, MAX_BYTES, Manifest, parse_manifest
from promotebot.artifact.source import FileSource
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, on_line
from promotebot.planning.decide import PromotionContext, expect_artifacts
from promotebot.planning.examiner import Examine
from promotebot.planning.incumbent import incumbents
from promotebot.planning.rollback import NoRollbackTarget, prepare_demotion, prepare_rollback
from promotebot.promotion.infer import IncompleteRequest, InferenceContext, complete
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.registry.model import Action, RequestRef, Source
from promotebot.registry.names import ArtifactPath, Stage


def _expect(arguments: CommandArguments, context: PromotionContext, inference: InferenceContext) -> None:
    """Tell the source what is read where the pull request touches no artifact: the first read is the manifest's then.

    What it touches has been read with the registry, as far as it is needed before the decision.
    """
    known = list(context.registry)
    model = arguments.model or (known[0] if len(known) == 1 else "")
    entry = context.registry.entry(model)
    today = entry.pointer(arguments.stage) if entry else None
    below = next((p for stage in arguments.stage.below if entry and (p := entry.pointer(stage))), None)
    directories = [arguments.artifact_dir, today.artifact_dir if today else None]
    directories += [one.pointer.artifact_dir for one in incumbents(context.base, model, arguments.action)]
    if below and not inference.touched:
        directories.append(arguments.artifact_dir or below.artifact_dir)
        if arguments.stage is Stage.ACTIVE and below.dataset_id:
            expect_dataset(context.files, below.dataset_id, directory=context.datasets_dir)
    expect_artifacts(context.files, dict.fromkeys(filter(None, directories)), context.policy.limits)


def manifest_in(files: FileSource, directory: ArtifactPath) -> Manifest | None:
    """Return a directory's manifest; None where it is missing or unreadable, which the evidence explains."""
    path = f"{directory}/{FILE_NAME}"
    try:
        with files.open(path) as stream:
            return parse_manifest(stream.read(MAX_BYTES + 1), where=path)
    except InvalidInput:
        return None


def prepare(
    arguments: CommandArguments,
    context: PromotionContext,
    inference: InferenceContext,
    actor: Actor,
    ref: RequestRef | None,
    default_reason: str,
    examine: Examine,
) -> tuple[Request, Sequence[Finding]] | IncompleteRequest:
    """Complete the request: inferred for a promotion, from history for a rollback or demotion."""
    if arguments.action is Action.PROMOTE:
        _expect(arguments, context, inference)
        completed = complete(arguments, inference, actor=actor, ref=ref, default_reason=default_reason)
        return completed if isinstance(completed, IncompleteRequest) else (completed, ())
    prepared: tuple[Request, Sequence[Finding]] | NoRollbackTarget
    if arguments.action is Action.ROLLBACK:
        prepared = prepare_rollback(arguments, context, actor, ref, examine=examine)
    else:
        demotion = prepare_demotion(arguments, context, actor, ref)
        prepared = demotion if isinstance(demotion, NoRollbackTarget) else (demotion, ())
    if isinstance(prepared, NoRollbackTarget):
        is_comment = actor.source is Source.GITHUB
        findings = on_line(prepared.findings, arguments.line) if is_comment else prepared.findings
        return IncompleteRequest(findings, arguments.model)
    return prepared
