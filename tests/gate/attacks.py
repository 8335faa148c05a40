"""What the tests of attacks share: the newest verdict, a copied artifact, and a branch that is forced back."""

from __future__ import annotations

import json

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
