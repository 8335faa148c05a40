"""The report of a service that has a model, or could not take it: the state of the deployment that was announced.

A CD reports it in the job that heard `promotebot.promoted`, or from wherever it deploys. See docs/runbook.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from promotebot.action.announce import ANNOUNCED, TASK, environment_of
from promotebot.environment import MAX_EVENT_BYTES
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.pulls.patience import Patience
from promotebot.registry.codec import parse_json
from promotebot.registry.names import Digest, GitSha, ModelName, Stage
from promotebot.settings import Settings
from promotebot.text import short_digest

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import Deployment, GitHub


@contextmanager
def connected(settings: Settings) -> Iterator[GitHub]:
    """Yield a client for the repository of the settings."""
    from promotebot.github.scoped import connect  # PyGithub costs a quarter of a second

    client = connect(settings)
    try:
        yield client
    finally:
        client.close()


@dataclass(frozen=True)
class Deployed:
    """What a service reports: the artifact that it has, or could not take, and for which announcement."""

    model: ModelName
    stage: Stage
    digest: Digest
    state: Literal["success", "failure"]
    commit: GitSha | None = None
    """The `sha` of the announcement; None for the newest one of this artifact."""


def announced_in(event_path: Path) -> Mapping[str, Any]:
    """Return what the event of this job announces (its `client_payload`); empty for another event.

    Raises:
        InvalidInput: for a file that is no event.
        CouldNotVerify: when it cannot be read.
    """
    try:
        data = event_path.read_bytes()
    except OSError as problem:
        remedy = "run it in the job that heard the event, or give --model, --stage and --digest"
        reason = f"the event cannot be read: {problem.strerror}"
        raise CouldNotVerify(reason, where="GITHUB_EVENT_PATH", remedy=remedy) from None
    document = parse_json(data, where="GITHUB_EVENT_PATH", max_bytes=MAX_EVENT_BYTES)
    payload = document.get("client_payload") if isinstance(document, Mapping) else None
    return payload if isinstance(payload, Mapping) else {}


def report_deployed(deployed: Deployed, github: GitHub, settings: Settings, patience: Patience) -> str:
    """Put the state on the deployment that was announced for an artifact; return in words what became of it.

    Running it again with the same state writes nothing.

    Raises:
        InvalidInput: where no such deployment was announced, or another one took its place.
        CouldNotVerify: when GitHub does not answer, or the announcement is not complete.
    """
    environment = environment_of(deployed.model, deployed.stage.value)
    what = f"{short_digest(deployed.digest)} in {environment}"
    found = patience.ask_until(partial(_find, deployed, environment, github, settings), _is_announced)
    if found is None:
        message = f"no deployment of {what} was announced" + (f" for {deployed.commit}" if deployed.commit else "")
        remedy = "report the digest that the event names, which is that of the promoted artifact"
        raise InvalidInput(message, where=settings.repository, remedy=remedy)
    if ANNOUNCED.isdisjoint(found.states):
        if "failure" in found.states:
            why = "it did not verify, or was merged without passing the gate"
            message = f"the deployment of {what} was never announced: {why}"
            raise InvalidInput(message, where=settings.repository, remedy="see the deployment's run, and its issue")
        message = f"the deployment of {what} is not announced yet"
        raise CouldNotVerify(message, where=settings.repository, remedy="run it again")
    newest = found.states[0]
    if newest == deployed.state:
        return f"{what} is {newest} already"
    if newest == "inactive" or _is_overtaken(found, environment, github, settings):
        message = f"another deployment took the place of {what}"
        raise InvalidInput(message, where=settings.repository, remedy="report what the service has now")
    _publish(deployed, environment, found, github, settings)
    return f"{what} is {deployed.state}, and was {newest}"


def _find(deployed: Deployed, environment: str, github: GitHub, settings: Settings) -> Deployment | None:
    wanted = {"digest": deployed.digest, **({"sha": deployed.commit} if deployed.commit else {})}
    return github.find_deployment(environment=environment, task=TASK, wanted=wanted, author_login=settings.bot_login)


def _is_announced(found: Deployment | None) -> bool:
    # The event is sent before the state is set: a service may be faster, and the bot's state must not come after its.
    return found is not None and not ANNOUNCED.isdisjoint(found.states)


def _is_overtaken(found: Deployment, environment: str, github: GitHub, settings: Settings) -> bool:
    """Tell whether the service has had a newer one of the environment, which this one must not retire."""
    last = github.find_deployment(environment=environment, task=TASK, wanted={}, author_login=settings.bot_login)
    return last is not None and last.id != found.id and "success" in last.states


def _publish(deployed: Deployed, environment: str, found: Deployment, github: GitHub, settings: Settings) -> None:
    if deployed.state == "success" and deployed.stage is Stage.ACTIVE:
        github.retire_deployments(environment=environment, task=TASK, before=found.id, author_login=settings.bot_login)
    words = {"success": "the service has it", "failure": "the service could not load it"}
    run = f": run {settings.run_id}" if settings.run_id else ""
    github.publish_deployment_state(found.id, state=deployed.state, description=f"{words[deployed.state]}{run}")
