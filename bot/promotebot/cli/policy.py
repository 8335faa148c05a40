"""`promotebot policy check` and `explain`: a policy's file as it is here, before it is pushed; GitHub is not asked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from promotebot.cli.options import add_registry_options, root_of
from promotebot.errors import UsageError
from promotebot.files import read_given
from promotebot.promotion.past import NOT_COMPARED, PastEvent, compare_past
from promotebot.promotion.policy import DEFAULT_PATH, MAX_BYTES, Policy, parse_policy
from promotebot.promotion.policy_changes import PolicyChange, compare_policies
from promotebot.promotion.policy_lines import PolicyLine, reader_of_lines
from promotebot.promotion.requirements import requirements
from promotebot.promotion.standing import Holding, holdings
from promotebot.registry.names import Stage, parse_model_name, parse_stage
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
    data, where = _read(options, base)
    policy = parse_policy(data, where=where)
    lines = _check(options, base, policy, data, where) if options.what == "check" else None
    sys.stdout.writelines(f"{visible(line)}\n" for line in lines or _explain(options, base, policy, data, where, now))
    return 0


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


def _check(options: argparse.Namespace, base: Path, policy: Policy, data: bytes | None, where: str) -> Iterator[str]:
    said = f"{where} is valid" if data is not None else f"there is no {where}: the defaults hold"
    changes = compare_policies(Policy(), policy)
    yield f"ok      {said}; {counted(len(changes), 'key')} differ from the defaults"
    reader = reader_of_lines(policy, data)
    for change in changes:
        yield _changed(change, reader(change.key))
    if options.against_history:
        yield from _against(policy, _registry(options, base))


def _changed(change: PolicyChange, line: PolicyLine) -> str:
    at = f", line {line.line}" if line.line else ""
    return f"        {change.effect:<8}  {change.key}: {change.after} (default: {change.before}{at})"


def _against(policy: Policy, registry: ModelRegistry) -> Iterator[str]:
    past = [*compare_past(policy, registry)]
    refused = sorted((one for one in past if one.refused), key=lambda one: one.event.ts_utc, reverse=True)
    for one in refused[:MAX_REFUSED]:
        yield _told(one)
        yield from (f"        {finding.rule}: {finding.message}" for finding in one.refused)
    if len(refused) > MAX_REFUSED:
        yield f"        and {len(refused) - MAX_REFUSED:,} older ones"
    unread = [one for one in past if one.problem]
    yield (
        f"{'warning' if refused else 'ok     '} {len(refused):,} of {counted(len(past) - len(unread), 'past event')} "
        "would have been refused"
    )
    if unread:
        first = f"{_named(unread[0])}: {unread[0].problem}"
        yield f"warning {counted(len(unread), 'event')} cannot be compared, such as {first}"
    yield f"        Not compared: {NOT_COMPARED}."


def _told(one: PastEvent) -> str:
    return f"refused {_named(one)} by {one.event.actor or 'somebody'}"


def _named(one: PastEvent) -> str:
    event = one.event
    stage = event.stage.label if event.stage else "?"
    return f"{event.ts_utc} {event.action.value} {one.model} {stage} {event.pointer.artifact_id}"


def _explain(
    options: argparse.Namespace, base: Path, policy: Policy, data: bytes | None, where: str, now: datetime
) -> Iterator[str]:
    stage = parse_stage(options.stage) if options.stage else Stage.ACTIVE
    held = [*_holdings(options, base, policy)] if options.model else []
    reader = reader_of_lines(policy, data)
    yield f"A promotion to {stage.label}, by {where}{'' if data is not None else ', which is not there'}:"
    for requirement in requirements(policy, stage, now, options.model):
        yield f"- {requirement.words}  [{_place(reader(requirement.key)) if requirement.key else 'always'}]"
    if options.model:
        yield f"{options.model}:"
        yield from (f"- {_holds(one, now)}" for one in held)
        if not held:
            yield "- no stage holds anything"
    if options.login:
        yield f"{options.login}:"
        yield f"- needs {policy.stages.permission(stage).name.lower()}; GitHub knows the role, and is not asked here"
        if policy.separation:
            yield "- cannot approve a promotion that they requested, wrote or pushed last"


def _place(line: PolicyLine) -> str:
    return f"{line.key}, line {line.line}" if line.line else f"{line.key}, default"


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
