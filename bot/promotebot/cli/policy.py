"""`promotebot policy check` and `explain`: a policy's file as it is here, before it is pushed; GitHub is not asked."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from promotebot.cli.options import add_registry_options, root_of
from promotebot.cli.output import add_format, write_document, write_lines
from promotebot.cli.outputs import (
    AskedFor,
    ChangedKey,
    PastComparison,
    PolicyCheckOutput,
    PolicyExplainOutput,
    RefusedEvent,
)
from promotebot.errors import UsageError
from promotebot.files import read_given
from promotebot.promotion.aliases import parse_stage_word
from promotebot.promotion.past import NOT_COMPARED, PastEvent, compare_past
from promotebot.promotion.policy import DEFAULT_PATH, MAX_BYTES, Policy, parse_policy
from promotebot.promotion.policy_changes import PolicyChange, compare_policies
from promotebot.promotion.policy_lines import PolicyLine, reader_of_lines
from promotebot.promotion.requirements import requirements
from promotebot.promotion.standing import Holding, holdings
from promotebot.registry.names import Stage, parse_model_name
from promotebot.registry.registry import DEFAULT_PATH as REGISTRY_PATH
from promotebot.registry.registry import ModelRegistry
from promotebot.text import counted, duration, visible

MAX_REFUSED = 50
"""Events of the past that are shown; the newest ones."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot policy`."""
    parser.add_argument(
        "what", choices=("check", "explain"), help="check: is the file valid; explain: what it asks for"
    )
    parser.add_argument("--policy", metavar="FILE", help=f"the policy (default: {DEFAULT_PATH})")
    parser.add_argument("--stage", help="explain: the stage that something is promoted into (default: active)")
    parser.add_argument("--model", help="explain: also what the stages of this model hold")
    parser.add_argument("--as", dest="login", metavar="USER", help="explain: also what this GitHub user needs")
    parser.add_argument(
        "--against-history", action="store_true", help="check: which past promotions this policy would have refused"
    )
    add_format(parser)
    add_registry_options(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Print that a policy is valid and how it differs from the defaults, or what it asks for.

    Returns:
        0, also where the policy would have refused something in the past.

    Raises:
        InvalidInput: for a policy that does not read, a registry that does not, or a model that there is not.
        UsageError: for a file that is not there, or an option of the other command.
    """
    _check_options(options)
    base = Path(options.base_dir) if options.base_dir else root_of()
    data, where = _read(options, root_of(base))
    policy = parse_policy(data, where=where)
    if options.what == "check":
        checked = _check(options, base, policy, data, where)
        write_document(checked) if options.format == "json" else _write_lines(_check_lines(checked))
    else:
        explained = _explain(options, base, policy, data, where, now)
        write_document(explained) if options.format == "json" else _write_lines(_explain_lines(explained, policy))
    return 0


def _write_lines(lines: Iterator[str]) -> None:
    write_lines(visible(line) for line in lines)


def _check_options(options: argparse.Namespace) -> None:
    others = {"--against-history": options.against_history} if options.what == "explain" else {}
    if options.what == "check":
        others = {"--stage": options.stage, "--model": options.model, "--as": options.login}
    wrong = [flag for flag, value in others.items() if value]
    if wrong:
        other = "check" if options.what == "explain" else "explain"
        remedy = f"promotebot policy {other} --help"
        raise UsageError(f"{wrong[0]} is an option of `promotebot policy {other}`", remedy=remedy)


def _read(options: argparse.Namespace, base: Path) -> tuple[bytes | None, str]:
    """Return the policy's file, None where the repository has none, and its name as people know it."""
    if options.policy:
        return read_given(Path(options.policy), max_bytes=MAX_BYTES, remedy="name the policy's file"), options.policy
    path = base / DEFAULT_PATH
    if not path.exists():
        return None, DEFAULT_PATH
    return read_given(path, max_bytes=MAX_BYTES, remedy="name the policy's file"), DEFAULT_PATH


def _registry(options: argparse.Namespace, base: Path) -> ModelRegistry:
    return ModelRegistry.load(options.registry or base / REGISTRY_PATH)


def _check(
    options: argparse.Namespace, base: Path, policy: Policy, data: bytes | None, where: str
) -> PolicyCheckOutput:
    reader = reader_of_lines(policy, data)
    changes = tuple(_changed(change, reader(change.key)) for change in compare_policies(Policy(), policy))
    past = _against(policy, _registry(options, base)) if options.against_history else None
    return PolicyCheckOutput(policy=where, exists=data is not None, changes=changes, past=past)


def _changed(change: PolicyChange, line: PolicyLine) -> ChangedKey:
    effect = change.effect.value
    return ChangedKey(key=change.key, effect=effect, default=change.before, value=change.after, line=line.line)


def _against(policy: Policy, registry: ModelRegistry) -> PastComparison:
    past = [*compare_past(policy, registry)]
    refused = sorted((one for one in past if one.refused), key=lambda one: one.event.ts_utc, reverse=True)
    unread = tuple(f"{_named(one)}: {one.problem}" for one in past if one.problem)
    return PastComparison(
        compared=len(past) - len(unread), not_compared=unread, refused=tuple(_refused(one) for one in refused)
    )


def _refused(one: PastEvent) -> RefusedEvent:
    event = one.event
    return RefusedEvent(
        ts_utc=event.ts_utc,
        action=event.action.value,
        model=one.model,
        stage=event.stage.value if event.stage else "",
        artifact_id=event.pointer.artifact_id,
        actor=event.actor or "",
        findings=one.refused,
    )


def _check_lines(checked: PolicyCheckOutput) -> Iterator[str]:
    said = f"{checked.policy} is valid" if checked.exists else f"there is no {checked.policy}: the defaults hold"
    yield f"ok      {said}; {counted(len(checked.changes), 'key')} differ from the defaults"
    for one in checked.changes:
        at = f", line {one.line}" if one.line else ""
        yield f"        {one.effect:<8}  {one.key}: {one.value} (default: {one.default}{at})"
    if checked.past:
        yield from _past_lines(checked.past)


def _past_lines(past: PastComparison) -> Iterator[str]:
    for one in past.refused[:MAX_REFUSED]:
        stage = one.stage.upper() or "?"
        yield f"refused {one.ts_utc} {one.action} {one.model} {stage} {one.artifact_id} by {one.actor or 'somebody'}"
        yield from (f"        {finding.rule}: {finding.message}" for finding in one.findings)
    if len(past.refused) > MAX_REFUSED:
        yield f"        and {len(past.refused) - MAX_REFUSED:,} older ones"
    yield (
        f"{'warning' if past.refused else 'ok     '} {len(past.refused):,} of {counted(past.compared, 'past event')} "
        "would have been refused"
    )
    if past.not_compared:
        yield f"warning {counted(len(past.not_compared), 'event')} cannot be compared, such as {past.not_compared[0]}"
    yield f"        Not compared: {NOT_COMPARED}."


def _named(one: PastEvent) -> str:
    event = one.event
    stage = event.stage.label if event.stage else "?"
    return f"{event.ts_utc} {event.action.value} {one.model} {stage} {event.pointer.artifact_id}"


def _explain(
    options: argparse.Namespace, base: Path, policy: Policy, data: bytes | None, where: str, now: datetime
) -> PolicyExplainOutput:
    stage = parse_stage_word(options.stage, policy.aliases) if options.stage else Stage.ACTIVE
    held = [*_holdings(options, base, policy)] if options.model else []
    reader = reader_of_lines(policy, data, options.model)
    asked = [*requirements(policy, stage, now, options.model)]
    places = [reader(one.key) if one.key else None for one in asked]
    return PolicyExplainOutput(
        policy=where,
        exists=data is not None,
        stage=stage.value,
        requirements=tuple(
            AskedFor(words=one.words, key=at.key if at else "", line=at.line if at else None)
            for one, at in zip(asked, places, strict=True)
        ),
        model=options.model,
        holdings=tuple(_holds(one, now) for one in held),
        login=options.login,
        permission=(policy.for_model(options.model) if options.model else policy).stages.permission(stage).name.lower(),
    )


def _explain_lines(said: PolicyExplainOutput, policy: Policy) -> Iterator[str]:
    there = "" if said.exists else ", which is not there"
    yield f"A promotion to {Stage(said.stage).label}, by {said.policy}{there}:"
    yield from (f"- {one.words}  [{_place(one)}]" for one in said.requirements)
    if said.model:
        yield f"{said.model}:"
        yield from (f"- {held}" for held in said.holdings or ["no stage holds anything"])
    if said.login:
        yield f"{said.login}:"
        yield f"- needs {said.permission}; GitHub knows the role, and is not asked here"
        if (policy.for_model(said.model) if said.model else policy).separation:
            yield "- cannot approve a promotion that they requested, wrote or pushed last"


def _place(one: AskedFor) -> str:
    if not one.key:
        return "always"
    return f"{one.key}, line {one.line}" if one.line else f"{one.key}, default"


def _holdings(options: argparse.Namespace, base: Path, policy: Policy) -> Iterator[Holding]:
    registry, model = _registry(options, base), parse_model_name(options.model)
    registry.check_known(model)
    yield from holdings(registry, [model], policy, {})


def _holds(one: Holding, now: datetime) -> str:
    age, soaked = one.age(now), one.soaked_at()
    since = f", for {duration(age)} by its event's own time" if age is not None else ""
    wait = f"; {duration(one.soak.minimum)} asked for" if one.soak and soaked and now < soaked else ""
    held = "; a rollback holds the stage" if one.held_by else ""
    return f"{one.stage.label} holds {one.pointer.artifact_id}{since}{wait}{held}"
