"""The owner of a model's own file may change that model and no other: at every door, and at the gate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.action.test_cards import MODEL
from tests.action.test_layouts import FRESH, converting, on_main
from tests.action.test_plain_issue import opened
from tests.action.test_signature_people import app_token, ask_with, gate_with
from tests.cli.test_registry import ANY, OTHER
from tests.demo.story import REGISTRY
from tests.fake_github.people import Job
from tests.office import Office

pytestmark = pytest.mark.thorough

PLACE = ".github/CODEOWNERS"
OWNERS = f"""
/ml/registry/ @root
/ml/registry/models/{MODEL}.json @carol
/ml/registry/models/{OTHER}.json @mallory @acme/other
/ml/registry/models/{FRESH}.json @mallory
"""
OF_OWNERS = "permission: admin, people: [CODEOWNERS]"
POLICY = f"stages: {{shadow: {{{OF_OWNERS}}}, active: {{{OF_OWNERS}, require_prior_stage: false}}}}\n"
ACTIVE = f"/promote active {MODEL}"
ACTIVE_OTHER = f"/promote active {OTHER} --artifact-dir {ANY} --artifact-id any"
NEW = "ml/artifacts/regime_v4"
REFUSED = "carol has write permission; promoting to ACTIVE needs admin."


@pytest.fixture
def split(office: Office) -> Office:
    """Two models with a file and an owner each: carol, who may write, and mallory, who may read."""
    on_main(office, split=True)
    office.push("bob", "main", {PLACE: OWNERS, ".github/promotion.yml": POLICY}, "chore: Owners")
    return office


def new_artifact(office: Office) -> int:
    """alice's pull request with another artifact of the first model, as its manifest says."""
    git, old = office.repository.git, "ml/artifacts/regime_v2"
    paths = git.run("ls-tree", "-r", "--name-only", "main", old).split()
    files: dict[str, str | bytes] = {
        path.replace(old, NEW): git.run_bytes("cat-file", "blob", f"main:{path}") for path in paths
    }
    return office.pull("another", files)


def says(job: Job) -> tuple[str, str]:
    return job.outputs["decision"], job.outputs["reason_code"]


def said(office: Office, number: int) -> str:
    return office.answer(number).replace("\u2060", "")


def owners(office: Office, text: str) -> None:
    office.push("bob", "main", {PLACE: text}, "chore: Other owners")


def test_the_owner_of_a_model_promotes_it_and_is_told_who_may_promote_the_other(split: Office) -> None:
    number = split.pull()
    assert says(split.ask(number, ACTIVE_OTHER, author="carol")) == ("refused", "permission")
    answer = said(split, number)
    assert REFUSED in answer
    assert "ask mallory, @acme/other or somebody with admin permission" in answer
    split.ask(number, "/why")
    why = said(split, number)
    assert REFUSED in why
    assert "ask mallory, @acme/other or somebody with admin permission" in why
    assert '`stages.active.people: ["CODEOWNERS"]` ([line 1](' in why
    assert says(split.ask(number, ACTIVE, author="carol")) == ("promoted", "committed")
    assert split.gate(number).outputs["decision"] == "passed"
    assert says(split.ask(number, ACTIVE_OTHER, author="mallory")) == ("promoted", "committed")
    assert split.gate(number).outputs["decision"] == "passed", "each by its own owner"
    owners(split, OWNERS.replace("@mallory", "@carol"))
    assert split.gate(number).outputs["decision"] == "refused"
    assert "mallory has read permission; promoting to ACTIVE needs admin." in split.gate(number).summary


def test_in_one_registry_file_the_owner_of_a_models_file_is_nobody(office: Office) -> None:
    on_main(office, split=False)
    office.push("bob", "main", {PLACE: OWNERS, ".github/promotion.yml": POLICY}, "chore: Owners")
    number = office.pull()
    assert says(office.ask(number, ACTIVE, author="carol")) == ("refused", "permission")
    assert "ask root or somebody with admin permission" in said(office, number)


def test_an_owner_is_asked_about_again_for_the_model_that_was_found(split: Office) -> None:
    """Whose model it is, nobody knows before: the manifest in the pull request says it."""
    number = new_artifact(split)
    assert says(split.ask(number, "/promote active", author="mallory")) == ("refused", "permission")
    assert "ask carol or somebody with admin permission" in said(split, number)
    split.ask(number, "/why")
    assert "mallory has read permission; promoting to ACTIVE needs admin." in said(split, number)
    assert says(split.label(number, "promote:active", by="mallory")) == ("refused", "permission")
    assert says(split.ask(number, "/promote active", author="carol")) == ("promoted", "committed")
    assert split.gate(number).outputs["decision"] == "passed"
    assert says(split.unlabel(number, "promote:active", by="mallory")) == ("refused", "permission")
    assert says(split.ask(split.pull(), "/promote active", author="mallory")) == ("refused", "unclear")


def test_a_model_that_is_not_there_yet_is_its_future_files_owners(split: Office) -> None:
    number, line = split.pull(), f"/promote shadow {FRESH} --artifact-dir {ANY} --new-model"
    assert says(split.ask(number, line, author="carol")) == ("refused", "permission")
    assert says(split.ask(number, line, author="mallory")) == ("promoted", "committed")
    assert split.gate(number).outputs["decision"] == "passed"


def test_labels_ask_for_the_model_that_they_name_put_on_and_taken_off(split: Office) -> None:
    number, of_other = split.pull(), f"promote:{OTHER}:active"
    assert says(split.label(number, of_other, by="carol")) == ("refused", "permission")
    assert split.labels(number) == []
    assert says(split.label(number, f"promote:{MODEL}:active", by="carol")) == ("promoted", "committed")
    assert says(split.unlabel(number, f"promote:{MODEL}:active", by="mallory")) == ("refused", "permission")
    assert split.labels(number) == [f"promote:{MODEL}:active"]
    assert split.unlabel(number, f"promote:{MODEL}:active", by="carol").outputs["decision"] == "withdrawn"


def test_a_promotion_is_withdrawn_by_its_models_owner_alone(split: Office) -> None:
    number = split.pull()
    assert split.ask(number, ACTIVE, author="carol").succeeded
    assert says(split.ask(number, "/withdraw", author="mallory")) == ("refused", "permission")
    assert "ask carol or somebody with admin permission" in said(split, number)
    assert split.ask(number, ACTIVE_OTHER, author="mallory").succeeded
    assert says(split.ask(number, "/withdraw", author="carol")) == ("refused", "permission"), "it has both"
    assert split.ask(number, f"/withdraw {MODEL}", author="carol").outputs["decision"] == "withdrawn"


def test_a_run_by_hand_and_a_plain_issue_ask_for_the_models_owner(split: Office) -> None:
    split.repository.actions_may_open_pulls = True
    number = split.pull()
    assert split.ask(number, ACTIVE, author="carol").succeeded
    split.merge(number)
    line = '/rollback {} --reason "incident 7"'
    assert says(split.dispatch(line.format(OTHER), by="carol")) == ("refused", "permission")
    issue = split.repository.open_issue(author="carol", title="p95 went up").number
    assert says(split.ask(issue, line.format(OTHER), author="carol")) == ("refused", "permission")
    assert "ask mallory, @acme/other or somebody with admin permission" in said(split, issue)
    assert opened(split) == []
    assert says(split.ask(issue, line.format(MODEL), author="carol")) == ("promoted", "committed")
    [rollback] = opened(split)
    assert split.gate(rollback).outputs["decision"] == "passed"


def test_an_owner_may_push_an_event_of_their_own_model_made_at_a_terminal(split: Office) -> None:
    for model, decision in ((MODEL, "passed"), (OTHER, "refused")):
        carol = split.person("carol")
        carol.start_branch(model)
        flags = ("--artifact-dir", "ml/artifacts/regime_v2", "--artifact-id", "again", "--reason", "x", "--new-model")
        flags = flags if model == MODEL else ("--artifact-dir", ANY, *flags[2:])
        done = carol.promotebot("promote", "--stage", "active", "--model", model, *flags)
        assert done.returncode == 0, done.stderr
        carol.commit("feat: ACTIVE")
        carol.push()
        number = split.repository.open_pull(author="carol", head=model, title=model).number
        job = split.gate(number)
        assert job.outputs["decision"] == decision, job.summary
    assert REFUSED in job.summary


def test_a_team_that_owns_one_model_is_asked_about_for_that_one_only(split: Office) -> None:
    split.hub.teams["acme/other"] = {"alice": "active"}
    number, token = split.pull(), app_token(split)
    assert ask_with(split, token, number, ACTIVE, "alice").outputs["decision"] == "refused"
    assert "@acme/other" not in said(split, number)
    assert ask_with(split, token, number, ACTIVE_OTHER, "alice").outputs["decision"] == "promoted"
    assert gate_with(split, token, number) == "success"
    split.hub.teams["acme/other"] = {}
    assert gate_with(split, token, number) == "failure"


def test_an_owner_rejects_artifacts_of_their_own_model(split: Office) -> None:
    split.repository.actions_may_open_pulls = True
    split.hub.add_user("codeowners")
    issue = split.repository.open_issue(author="carol", title="wrong labels").number
    line = '/reject {} --artifact {} --reason "wrong labels"'
    of_first, of_other = line.format(MODEL, "ml/artifacts/regime_v2"), line.format(OTHER, ANY)
    for login, asked in (("mallory", of_first), ("codeowners", of_first), ("codeowners", of_other)):
        assert says(split.ask(issue, asked, author=login)) == ("refused", "permission"), (login, asked)
    assert split.ask(issue, of_other, author="mallory").outputs["decision"] == "proposed"


def test_an_owner_ticks_boxes_for_their_own_model(split: Office) -> None:
    owners(split, OWNERS.replace("@mallory", "@bob"))
    number = split.pull()
    assert split.ask(number, ACTIVE_OTHER, author="bob").succeeded
    split.hub.pass_time(60)
    assert says(split.ask(number, "/check 4", author="mallory")) == ("refused", "permission")
    owners(split, OWNERS.replace("@mallory", "@bob @mallory"))
    assert says(split.ask(number, "/check 4", author="mallory")) == ("checked", "checked")


def test_an_owner_makes_exceptions_for_their_own_model_alone(split: Office) -> None:
    start, end = (f"{split.now + timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (-1, 5))
    freeze = f"freezes: [{{start: {start}, end: {end}, reason: year end}}]\n"
    exception = f"overrides: [{{rule: freeze, people: [CODEOWNERS], start: {start}, end: {end}}}]\n"
    split.policy(f"stages: {{active: {{permission: write}}}}\n{freeze}{exception}")
    number, why = split.pull(), ' --override "freeze: the fix for incident 7"'
    assert says(split.ask(number, ACTIVE_OTHER + why, author="carol")) == ("refused", "rules")
    assert says(split.ask(number, ACTIVE + why, author="carol")) == ("promoted", "committed")
    assert split.gate(number).outputs["decision"] == "passed"


def test_giving_a_model_to_somebody_else_is_a_change_of_the_policy(split: Office) -> None:
    split.hub.add_user("root")
    split.repository.set_role("root", "admin")
    for login, decision in (("carol", "refused"), ("root", "passed")):
        split.person(login).start_branch(login)
        split.push(login, login, {PLACE: OWNERS.replace(" @mallory", " @carol")}, "chore: Mine")
        number = split.repository.open_pull(author=login, head=login, title="Mine").number
        job = split.gate(number)
        assert job.outputs["decision"] == decision
        assert "Models may get other owners by CODEOWNERS or another layout" in job.summary


@pytest.mark.parametrize(
    ("text", "decision"), [(f"* @mallory\n/{REGISTRY} @carol\n", "refused"), ("/ml/registry/ @carol\n", "passed")]
)
def test_splitting_the_registry_is_one_where_models_then_have_other_owners(
    office: Office, text: str, decision: str
) -> None:
    on_main(office, split=False)
    office.push("bob", "main", {PLACE: text, ".github/promotion.yml": POLICY}, "chore: Owners")
    job = office.gate(converting(office, "split"))
    assert job.outputs["decision"] == decision
    needs = "carol has write permission; weakening the policy or promoting to ACTIVE needs admin."
    assert (needs in job.summary) is (decision == "refused")
