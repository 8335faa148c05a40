"""What the tests of attacks share: verdicts, copies, a branch forced back, and what happens while a job runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from promotebot.gate.judge import evaluate_pull
from promotebot.pulls.commit import commit_registry
from tests.fake_github.people import Person
from tests.office import Office


def state(office: Office, sha: str, context: str = "promotebot/gate") -> str:
    """The newest verdict that the bot gave on a commit."""
    ours = [s.state for s in office.repository.statuses if (s.sha, s.context) == (sha, context)]
    return ours[-1] if ours else "none"


def copy(person: Person, source: str, target: str, **manifest: object) -> None:
    """Make `target` a copy of an artifact, with other keys in its manifest."""
    for path in sorted((person.clone / source).rglob("*")):
        if path.is_file():
            person.write(f"{target}/{path.relative_to(person.clone / source)}", path.read_bytes())
    place = person.clone / target / "manifest.json"
    place.write_text(json.dumps({**json.loads(place.read_bytes()), **manifest}, indent=2) + "\n")


def force_push(office: Office, number: int, sha: str, *, by: str = "carol") -> None:
    """Somebody who may write puts the branch back to a commit that GitHub still has."""
    branch = office.repository.pull(number).head_ref
    person = office.person(by)
    person.git("fetch", "--quiet", "origin", sha)
    person.git("push", "--quiet", "--force", "origin", f"{sha}:refs/heads/{branch}")
    assert office.head(number) == sha


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object], place: str = "pull_request") -> None:
    """Something happens, with its jobs, between the next judgement and its status."""
    name = f"promotebot.action.{place}.evaluate_pull"

    def slow(*args: Any, **options: Any) -> Any:
        result = evaluate_pull(*args, **options)
        monkeypatch.setattr(name, evaluate_pull)
        what()
        return result

    monkeypatch.setattr(name, slow)


def killed_before_its_commit(office: Office, number: int, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Ask for ACTIVE, in a job that is killed between attestation and commit; return the registry it had made."""

    class Killed(BaseException):
        pass

    attested = []

    def killed(snapshot: Any, job: Any, registry: Any, models: Any, **options: Any) -> str:
        attested.append(registry.file_bytes(models[0]))
        raise Killed

    monkeypatch.setattr("promotebot.action.commit.commit_registry", killed)
    with pytest.raises(Killed):
        office.ask(number, "/promote active")
    monkeypatch.setattr("promotebot.action.commit.commit_registry", commit_registry)
    return cast("bytes", attested[0])
