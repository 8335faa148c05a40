"""What the tests of attacks share: verdicts, copies, a branch forced back, and what happens while a job runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
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


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object], place: str = "gate") -> list[object]:
    """Something happens, with its jobs, between the next judgement and its status; the list says whether it did."""
    name, done = f"promotebot.action.{place}.evaluate_pull", list[object]()

    def slow(*args: Any, **options: Any) -> Any:
        result = evaluate_pull(*args, **options)
        monkeypatch.setattr(name, evaluate_pull)
        done.append(what())
        return result

    monkeypatch.setattr(name, slow)
    return done


def forked(office: Office, branch: str, files: Mapping[str, str]) -> tuple[int, Person]:
    """A pull request by mallory from a fork with these files, and mallory at work there; no job has run."""
    fork = office.hub.fork("acme/models", "mallory")
    mallory = Person.at_work(office.hub, fork, "mallory", office.scratch / f"mallory-{branch}")
    mallory.start_branch(branch)
    for path, content in files.items():
        mallory.write(path, content)
    mallory.commit("docs: Mine")
    mallory.push()
    return office.repository.open_pull(author="mallory", head=f"mallory:{branch}", title="Mine").number, mallory


def same_head(office: Office, number: int, **options: Any) -> int:
    """A reader's pull request, from a fork, whose head is the one of another pull request."""
    fork = office.hub.fork("acme/models", "mallory")
    fork.git.fetch_from(office.repository.git, f"refs/heads/{office.repository.pull(number).head_ref}")
    fork.git.set_ref("refs/heads/mine", office.head(number))
    return office.repository.open_pull(author="mallory", head="mallory:mine", title="Mine", **options).number


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
