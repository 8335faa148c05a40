"""What a fifth hostile review found in the gate: what is believed because something beside it is believed."""

from __future__ import annotations

import json

import pytest

from tests.action.test_second_review import RELEASE, holds, moved, release_on_main
from tests.action.test_third_review import close
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person
from tests.gate.attacks import forked, state
from tests.gate.test_fourth_review import PLAIN, plain
from tests.office import Office

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("name", ["a_copy", "z_copy"])
def test_a_copy_of_an_event_is_not_taken_over_when_its_model_is_promoted_anew(office: Office, name: str) -> None:
    """carol copies what alice promoted below another model, and alice asks for another artifact in its place."""
    number = office.pull()
    plain(office, "evaluation")
    ask = f"/promote shadow my_model --new-model --artifact-dir {PLAIN} --artifact-id"
    assert office.ask(number, f"{ask} first").outputs["decision"] == "promoted"
    document = office.registry(office.head(number)).document
    document["models"][name] = document["models"]["my_model"]
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write(REGISTRY, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    carol.commit("chore: Tidy")
    carol.push()
    assert office.gate(number).outputs["decision"] == "refused"
    job = office.ask(number, f"{ask} second")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "hand_edit")
    assert state(office, office.head(number)) == "failure"


EXTRA = f"{RELEASE}/extra.txt"
"""A file that no manifest lists: where it is added, the artifact is not proven any more."""


def released(office: Office) -> None:
    """alice promotes what is on main, bob merges it, and the job of main's push runs."""
    before = office.repository.git.branch("main") or ""
    number = office.pull("released")
    assert office.ask(number, f"/promote active --artifact-dir {RELEASE}").outputs["decision"] == "promoted"
    office.repository.merge(number, by="bob")
    moved(office, before)
    assert holds(office, "main", "active")


def is_green_where_carol_opens_it(office: Office, sha: str) -> bool:
    """Whether the required status lets carol merge a commit in a new pull request before any job has looked at it."""
    office.repository.git.set_ref("refs/heads/again", sha)
    office.repository.refresh(office.hub.user("carol"))
    number = office.repository.open_pull(author="carol", head="again", title="Again").number
    assert office.head(number) == sha
    return state(office, sha) == "success"


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_what_was_merged_as_another_commit_is_not_green_for_a_second_merge(office: Office, method: str) -> None:
    """carol adds a file, and takes it out again; alice promotes the rest, and carol's first head would add it again."""
    release_on_main(office)
    number = office.pull("extra", {EXTRA: "extra\n"})
    assert office.gate(number).outputs["decision"] == "passed"
    head = office.head(number)
    office.repository.merge(number, by="carol", method=method)
    close_merged(office, number)
    office.push("carol", "main", {EXTRA: None}, "chore: Take it out again")
    released(office)
    assert not is_green_where_carol_opens_it(office, head)


def close_merged(office: Office, number: int) -> None:
    """The gate's job of a merge."""
    payload = office.repository.pull_request_event(number, action="closed", sender="carol")
    office.event("pull_request_target", payload, by="carol", PROMOTEBOT_COMMAND="gate")


def test_what_a_merged_branch_was_forced_away_from_is_not_green(office: Office) -> None:
    release_on_main(office)
    number = office.pull("extra", {EXTRA: "extra\n"})
    assert office.gate(number).outputs["decision"] == "passed"
    older = office.head(number)
    office.push("alice", "extra", {"docs/mine.md": "mine\n"}, "docs: Mine", force=True)
    assert office.gate(number).outputs["decision"] == "passed"
    office.repository.merge(number, by="carol")
    head = office.head(number)
    close_merged(office, number)
    released(office)
    assert state(office, head) == "success", "main holds it"
    assert not is_green_where_carol_opens_it(office, older)


def extra_in_a_fork(office: Office) -> tuple[int, str, Person]:
    release_on_main(office)
    number, mallory = forked(office, "extra", {EXTRA: "extra\n"})
    assert office.gate(number, "opened").outputs["decision"] == "passed"
    return number, office.head(number), mallory


def test_what_was_closed_in_a_fork_is_not_green_in_a_branch(office: Office) -> None:
    number, head, _ = extra_in_a_fork(office)
    close(office, number, by="mallory")
    released(office)
    assert not is_green_where_carol_opens_it(office, head)


@pytest.mark.parametrize("force", [False, True])
def test_what_a_fork_went_on_from_is_not_green_in_a_branch(office: Office, force: bool) -> None:
    number, older, mallory = extra_in_a_fork(office)
    if force:
        mallory.git("reset", "--quiet", "--hard", "origin/main")
    else:
        mallory.git("rm", "--quiet", EXTRA)
    mallory.write("docs/mine.md", "mine\n")
    mallory.commit("docs: Mine")
    mallory.git("push", "--quiet", "--force", "origin", "HEAD:extra")
    payload = office.repository.pull_request_event(number, action="synchronize", before=older)
    assert office.event("pull_request_target", payload).outputs["decision"] == "passed"
    released(office)
    assert not is_green_where_carol_opens_it(office, older)
