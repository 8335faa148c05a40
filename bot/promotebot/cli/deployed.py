"""`promotebot deployed`: report to GitHub that a service has the model that was announced, or could not take it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from promotebot.action.deployed import Deployed, announced_in, connected, report_deployed
from promotebot.cli.github_settings import settings_of
from promotebot.cli.options import stage_of
from promotebot.cli.output import add_format, write_document
from promotebot.cli.outputs import DeployedOutput
from promotebot.errors import InvalidInput, UsageError
from promotebot.pulls.patience import Patience
from promotebot.registry.names import parse_digest, parse_git_sha, parse_model_name
from promotebot.text import visible


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot deployed`."""
    parser.add_argument("--state", required=True, choices=("success", "failure"), help="what became of it")
    parser.add_argument("--digest", required=True, help="the artifact that the service loaded, or should have")
    parser.add_argument("--model", help="the model (the event's)")
    parser.add_argument("--stage", help="shadow, staging or active (the event's)")
    parser.add_argument("--commit", metavar="SHA", help="the commit that was announced (the event's)")
    parser.add_argument("--bot-login", metavar="NAME", help="the account that announces (github-actions[bot])")
    parser.add_argument("--repo", metavar="OWNER/NAME", help="the repository on GitHub (GITHUB_REPOSITORY)")
    add_format(parser)


def run(options: argparse.Namespace, now: datetime) -> int:  # noqa: ARG001 - as every command
    """Put the state on the deployment, and print what became of it.

    Returns:
        0.

    Raises:
        UsageError: without a token, a repository, a model or a stage.
        InvalidInput: where the event announces something else, where nothing of the kind was announced, and where
            another deployment took its place.
        CouldNotVerify: when GitHub does not answer.
    """
    environment: Mapping[str, str] = options.environment
    is_told = environment.get("GITHUB_EVENT_NAME") == "repository_dispatch"
    event = announced_in(Path(environment.get("GITHUB_EVENT_PATH", ""))) if is_told else {}
    commit = _value("commit", options.commit, event.get("sha"), parse_git_sha, optional=True)
    deployed = Deployed(
        _value("model", options.model, event.get("model"), parse_model_name),
        _value("stage", options.stage, event.get("stage"), partial(stage_of, options=options)),
        _value("digest", options.digest, event.get("digest"), parse_digest),
        options.state,
        commit,
    )
    settings = settings_of(
        options.repo or environment.get("GITHUB_REPOSITORY"),
        {**environment, **({"PROMOTEBOT_BOT_LOGIN": options.bot_login} if options.bot_login else {})},
        otherwise=_no_repository,
        remedy="give it in the step's env: GITHUB_TOKEN: ${{ github.token }}, with deployments: write",
    )
    with connected(settings) as github:
        message = report_deployed(deployed, github, settings, Patience())
    if options.format == "json":
        said = {"model": deployed.model, "stage": deployed.stage.value, "digest": deployed.digest}
        write_document(DeployedOutput(state=options.state, message=message, **said))
    else:
        sys.stdout.write(visible(message) + "\n")
    return 0


def _no_repository(_server: str) -> str:
    raise UsageError("GITHUB_REPOSITORY is not set", where="environment", remedy="give --repo OWNER/NAME")


def _value(
    name: str, given: str | None, announced: object, parse: Callable[[str], Any], *, optional: bool = False
) -> Any:
    """Return a value as given or as announced, parsed; where both say it, they must agree.

    Raises:
        UsageError: for one that neither says.
        InvalidInput: for two that differ, or one of another form.
    """
    if given is None and announced is None:
        if optional:
            return None
        raise UsageError("neither given nor in an event", where=f"--{name}", remedy=f"give --{name}")
    told = [parse(str(value)) for value in (given, announced) if value is not None]
    if told[0] != told[-1]:
        message = f"is {told[0]}, and the event announces {told[-1]}"
        remedy = "load what the event announces, and report that; or report it outside of this event's job"
        raise InvalidInput(message, where=f"--{name}", remedy=remedy)
    return told[0]
