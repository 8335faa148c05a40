"""What a second hostile review of the whole gate found: by races, by other bases, by what the base does meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from promotebot.action.own_branch import OwnBranch
from promotebot.action.push import refresh_pulls
from promotebot.action.refresh import refresh_pull
from promotebot.artifact.manifest import parse_manifest
from promotebot.errors import CouldNotVerify
from promotebot.github.client import PyGithubClient
from promotebot.github.events import Pushed
from promotebot.github.payloads import parse_event
from promotebot.planning.decide import decide
from promotebot.planning.examiner import Examiner
from promotebot.pulls.commit import commit_registry
from promotebot.pulls.context import JobContext
from promotebot.registry.chain import sealed
from promotebot.registry.codec import stored_json
from promotebot.registry.names import ModelName, Stage
from promotebot.settings import Settings
from tests.action.test_walk import SlowExaminer, move_main
from tests.demo.story import REGISTRY
from tests.fake_github import pulls
from tests.fake_github.people import Person, Runner
from tests.gate.attacks import copy, force_push, killed_before_its_commit, meanwhile, state
from tests.gate.forgery import forged as forged_plan
from tests.gate.forgery import push
from tests.office import Office

pytestmark = pytest.mark.thorough

MODEL = ModelName("regime_classifier")
V1, V2 = "ml/artifacts/regime_v1", "ml/artifacts/regime_v2"
RELEASE = "ml/artifacts/release"


def moved(office: Office, before: str, *, by: str = "bob", **environment: str) -> Any:
    """The job of a push that moved main from a commit to where it is."""
    return office.event("push", office.repository.push_event("main", before=before, sender=by), by=by, **environment)


def release_on_main(office: Office) -> None:
    """bob's copy of regime_v2 on main, which no pointer names yet."""
    bob = office.person("bob")
    copy(bob, V2, RELEASE)
    bob.commit("feat: Release")
    bob.git("push", "--quiet", "origin", "HEAD:main")


def holds(office: Office, revision: str, stage: str) -> bool:
    """Whether the directory that a stage names holds, at a revision, what the pointer pins."""
    pointer = office.registry(revision).get_stage_pointer(MODEL, stage)
    assert pointer
    data = office.repository.git.run_bytes("cat-file", "blob", f"{revision}:{pointer.artifact_dir}/manifest.json")
    manifest = parse_manifest(data, where="manifest.json")
    return pointer.pins(manifest.digest, manifest.full_digest)


def test_what_the_base_put_into_a_promoted_directory_meanwhile_turns_the_promotion_red(office: Office) -> None:
    release_on_main(office)
    number = office.pull()
    job = office.ask(number, f"/promote active --artifact-dir {RELEASE}")
    assert (job.outputs["decision"], state(office, office.head(number))) == ("promoted", "success")
    carol = office.person("carol")  # no pointer of main names the directory, so that she may change it
    carol.start_branch("tidy")
    copy(carol, RELEASE, RELEASE, threshold="0.99")
    carol.commit("chore: Tidy")
    carol.push()
    tidy = office.repository.open_pull(author="carol", head="tidy", title="Tidy").number
    assert office.gate(tidy).outputs["decision"] == "passed"
    before = office.repository.git.branch("main") or ""
    office.repository.merge(tidy, by="carol")
    moved(office, before, by="carol")
    green = state(office, office.head(number)) == "success"
    office.repository.merge(number, by="bob")
    assert not green or holds(office, "main", "active")


def test_a_gate_that_was_under_way_while_the_base_moved_leaves_no_green_of_the_old_base(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer's slow model, or a job that waits for a runner, is enough for it."""
    number = office.pull()
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"

    def happening() -> None:
        before = office.repository.git.branch("main") or ""
        office.policy("freezes: [{start: 2020-01-01T00:00, end: 2040-01-01T00:00, reason: audit}]\n")
        moved(office, before)
        assert state(office, office.head(number)) == "failure"

    meanwhile(monkeypatch, happening)
    office.gate(number, "edited")
    assert state(office, office.head(number)) != "success"


def test_a_gate_that_was_under_way_while_an_approval_was_taken_back_leaves_nothing_green(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.policy("separation: {approvals: 1}\n")
    number = office.pull()
    office.ask(number, "/promote active")
    office.repository.review(number, by="bob")
    assert office.gate(number).outputs["decision"] == "passed"

    def happening() -> None:
        office.repository.review(number, by="bob", state="CHANGES_REQUESTED")
        office.gate(number)
        assert state(office, office.head(number)) == "pending"

    meanwhile(monkeypatch, happening)
    office.gate(number, "edited")
    assert state(office, office.head(number)) != "success"


def test_a_promotion_that_the_base_forbade_while_it_was_made_is_not_green(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.pull()

    def happening() -> None:
        """Right after the push of the promotion: the job of bob's push ends before this one."""
        before = office.repository.git.branch("main") or ""
        office.policy("freezes: [{start: 2020-01-01T00:00, end: 2040-01-01T00:00, reason: audit}]\n")
        moved(office, before)
        assert state(office, office.head(number)) == "failure"

    meanwhile(monkeypatch, happening, "promote")
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    assert state(office, office.head(number)) != "success"


def test_the_same_request_again_leaves_nothing_green_that_was_withdrawn_meanwhile(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """carol may ask for STAGING; the head that her job judges again carries alice's ACTIVE, too."""
    number = office.pull()
    office.ask(number, "/promote staging", author="carol")
    office.ask(number, "/promote active")
    green = office.head(number)
    assert state(office, green) == "success"

    def happening() -> None:
        assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
        assert state(office, green) == "failure"

    meanwhile(monkeypatch, happening, "promote")
    office.ask(number, "/promote staging", author="carol")  # on what alice left: her request is promoted there
    assert state(office, green) != "success"
    assert office.pointer(office.head(number), "active") == office.pointer("main", "active")


PUSHES = 101
"""One more than GitHub lists at once."""


def many_pushes(office: Office, number: int) -> None:
    """carol moves the branch to and fro, until GitHub lists what was before on another page."""
    branch = office.repository.pull(number).head_ref
    carol = office.person("carol")
    carol.start_branch(branch, base=branch)
    heads = []
    for _ in range(2):
        carol.git("commit", "--quiet", "--allow-empty", "--message", "chore: Again")
        carol.push()
        heads.append(office.head(number))
    for count in range(PUSHES):
        office.repository.git.set_ref(f"refs/heads/{branch}", heads[count % 2])
        office.repository.refresh(office.hub.user("carol"))


def test_many_pushes_keep_no_withdrawn_promotion_green(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    green = office.head(number)
    alice = office.person("alice")
    alice.start_branch("evaluation", base="evaluation")
    alice.write("docs/more.md", "more\n")
    alice.commit("docs: More")
    alice.push()
    assert office.gate(number).outputs["decision"] == "passed"
    many_pushes(office, number)
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
    force_push(office, number, green)
    assert state(office, green) != "success"


def test_many_pushes_hide_no_promotion_from_its_withdrawal(office: Office) -> None:
    number = office.pull()
    before = office.head(number)
    office.ask(number, "/promote active")
    green = office.head(number)
    force_push(office, number, before)
    many_pushes(office, number)
    office.ask(number, "/withdraw")
    force_push(office, number, green)
    assert office.gate(number).outputs["decision"] == "refused"


def forged(office: Office, branch: str, events: int) -> bytes:
    """A registry with events that say they came from GitHub, each from a request on a commit of its own."""
    document = json.loads(office.repository.git.run("show", f"main:{REGISTRY}"))
    entry = document["models"][MODEL]
    newest = entry["history"][0]
    requests = (
        {"repo": "acme/models", "pull": 1, "id": f"comment:{n}#1", "login": "alice", "head_sha": f"{n:040x}"}
        for n in range(1, events + 1)
    )
    made = [{**newest, "source": "github", "actor": "alice", "request": request} for request in requests]
    entry["history"], entry["history_digest"] = sealed([*made, *entry["history"]])
    return stored_json(document)


def test_the_gate_on_a_fork_costs_no_more_for_many_forged_events(office: Office) -> None:
    """Whoever may read could use up the thousand requests an hour that all jobs of a repository share."""
    data = forged(office, "evaluation", 60)
    fork = office.hub.fork("acme/models", "mallory")
    mallory = Person.at_work(office.hub, fork, "mallory", office.scratch / "mallory")
    mallory.start_branch("mine")
    mallory.write(REGISTRY, data)
    mallory.commit("feat: Mine")
    mallory.push()
    number = office.repository.open_pull(author="mallory", head="mallory:mine", title="Mine").number
    office.hub.requests.clear()
    assert office.gate(number, "opened").outputs["decision"] == "refused"
    assert len(office.hub.requests) < 20


def test_the_gate_plans_no_event_of_a_fork(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is planned on a history that is parsed anew: the time grows with the square of their number."""
    planned: list[Any] = []

    def counted(context: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        planned.append(request)
        return decide(context, request, *arguments, **options)

    monkeypatch.setattr("promotebot.gate.evaluate.decide", counted)
    data = forged(office, "evaluation", 60)
    fork = office.hub.fork("acme/models", "mallory")
    mallory = Person.at_work(office.hub, fork, "mallory", office.scratch / "mallory")
    mallory.start_branch("mine")
    mallory.write(REGISTRY, data)
    mallory.commit("feat: Mine")
    mallory.push()
    number = office.repository.open_pull(author="mallory", head="mallory:mine", title="Mine").number
    assert office.gate(number, "opened").outputs["decision"] == "refused"
    assert len(planned) < 20


def test_what_a_newer_request_replaced_is_red_also_where_its_job_was_killed_before_its_push(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.pull()
    attested = killed_before_its_commit(office, number, monkeypatch)
    again = f"/promote active --artifact-dir {V2} --artifact-id second"
    assert office.ask(number, again).outputs["decision"] == "promoted"
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write(REGISTRY, attested)
    carol.commit("chore: Tidy")
    carol.push()
    assert office.gate(number).outputs["decision"] == "refused"


def test_withdrawing_in_one_pull_request_takes_nothing_back_in_another(office: Office) -> None:
    """carol copies the registry of alice's branch; bob cleans up in carol's pull request, as its refusal says."""
    number = office.pull()
    office.ask(number, "/promote active")
    data = office.repository.git.run_bytes("cat-file", "blob", f"{office.head(number)}:{REGISTRY}")
    office.push("carol", "copied", {REGISTRY: data}, "feat: Copied")
    copied = office.repository.open_pull(author="carol", head="copied", title="Copied").number
    assert office.gate(copied).outputs["decision"] == "refused"
    office.ask(copied, "/withdraw", author="bob")
    assert office.gate(number).outputs["decision"] == "passed", office.comments(number)


def merged_by_squash(office: Office) -> tuple[int, str]:
    """alice's green promotion, merged by bob; no job has run yet. The number, and main before."""
    number = office.pull()
    office.ask(number, "/promote active")
    assert state(office, office.head(number)) == "success"
    return number, office.repository.git.branch("main") or ""


def announced(office: Office) -> list[str]:
    """The states of all deployments, the last of each."""
    return [one.statuses[-1].state for one in office.repository.deployments.values()]


def later(office: Office) -> None:
    """GitHub tells whole seconds: what comes now comes after what was."""
    office.hub.clock = lambda: datetime.now(timezone.utc) + timedelta(minutes=1)


def announce(office: Office, before: str) -> None:
    """The job that the push starts beside the one that judges."""
    moved(office, before, PROMOTEBOT_COMMAND="announce")


def test_a_readers_pull_request_of_the_same_head_keeps_no_merge_from_being_announced(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the job of the push judges, the reader's pull request has the merged head marked as pending."""
    number, before = merged_by_squash(office)
    office.hub.fork("acme/models", "mallory")
    office.repository.open_pull(author="mallory", head="mallory:evaluation", title="Mine")
    office.repository.merge(number, by="bob", method="squash")
    later(office)
    refresh = refresh_pull

    def beside(attempt: Any) -> Any:
        announce(office, before)
        return refresh(attempt)

    monkeypatch.setattr("promotebot.action.push.refresh_pull", beside)
    moved(office, before)
    assert announced(office) == ["success"]


def test_a_status_that_a_writer_posts_after_the_merge_keeps_no_merge_from_being_announced(office: Office) -> None:
    number, before = merged_by_squash(office)
    office.repository.merge(number, by="bob")
    office.repository.post_status(office.head(number), "promotebot/gate", "success", by="carol")
    announce(office, before)
    assert announced(office) == ["success"]


def test_a_green_that_came_after_a_merge_against_the_gate_announces_nothing(office: Office) -> None:
    """After a squash any pull request of the same commit promotes nothing more, and is rightly green."""
    carol = office.person("carol")
    carol.start_branch("mine")
    manifest = json.loads((carol.clone / V2 / "manifest.json").read_bytes())
    trained = ("--git-sha", manifest["git_sha"], "--dataset-id", manifest["dataset_id"])
    flags = ("--artifact-dir", V2, "--artifact-id", "mine", *trained)
    done = carol.promotebot("promote", "--model", MODEL, "--stage", "active", *flags, "--reason", "mine")
    assert done.returncode == 0, done.stderr
    carol.commit("feat: Mine")
    carol.push()
    carol.git("push", "--quiet", "origin", "HEAD:twin")
    number = office.repository.open_pull(author="carol", head="mine", title="Mine").number
    office.repository.open_pull(author="carol", head="twin", title="Twin")
    assert office.gate(number).outputs["decision"] == "refused"
    before = office.repository.git.branch("main") or ""
    office.repository.merge(number, by="bob", method="squash")  # an administrator overrides the rule, or there is none
    later(office)
    moved(office, before)
    announce(office, before)
    assert announced(office) == ["failure"]


LONG = "".join(f"# line {n} of what the policy is for\n" for n in range(20))


def test_the_merge_queue_asks_who_weakens_the_policy_that_stands_before_it(office: Office) -> None:
    """By the policy of then carol might change it; by the one that is queued before hers she may not."""
    lax = "stages: {active: {permission: write}}\n"
    office.policy(f"{lax}{LONG}drafts: false\n")
    weaker = office.pull("weaker", {"docs/weaker.md": "weaker\n"})
    office.push("carol", "drafts", {".github/promotion.yml": f"{lax}{LONG}drafts: true\n"}, "chore: Drafts")
    weaker = office.repository.open_pull(author="carol", head="drafts", title="Drafts").number
    assert office.gate(weaker).outputs["decision"] == "passed"
    stricter = f"stages: {{active: {{permission: maintain}}}}\n{LONG}drafts: false\n"
    office.push("bob", "stricter", {".github/promotion.yml": stricter}, "chore: Stricter")
    before = office.repository.open_pull(author="bob", head="stricter", title="Stricter").number
    office.repository.merge_queue.add(before, by="bob")
    group = office.repository.merge_queue.add(weaker, by="carol")
    office.event("merge_group", office.repository.merge_group_event(weaker), by="carol")
    assert office.checks(group.head_sha) == ["failure"]


def test_a_demotion_takes_out_what_stood_there_when_it_was_asked_for(office: Office) -> None:
    """alice asks to take regime_v1 out; what bob made ACTIVE meanwhile, nobody asked to take out."""
    number = office.pull()
    assert office.ask(number, f"/demote {MODEL} active --reason 'v1 is wrong'").outputs["decision"] == "promoted"
    other = office.pull("other")
    office.ask(other, f"/promote active {MODEL} --artifact-dir {V2}", author="bob")
    before = office.repository.git.branch("main") or ""
    office.repository.merge(other, by="bob")
    moved(office, before)
    head = office.head(number)
    assert state(office, head) != "success" or office.pointer(head, "active") is not None


def test_a_job_by_hand_that_is_run_again_promotes_nothing_that_was_pushed_after_it_looked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run may not open pull requests; carol pushes while the second one opens it."""
    release_on_main(office)
    run = office.repository.start_run("workflow_dispatch", actor="alice")
    command = f"/promote shadow {MODEL} --artifact-dir {RELEASE}"
    payload = office.repository.workflow_dispatch_event(
        ".github/workflows/promote.yml", sender="alice", ref=None, inputs={"command": command}
    )
    branch, opening = f"promote/{MODEL}/shadow/{run.id}", OwnBranch.pull

    def refused(*_: Any, **__: Any) -> int:
        raise CouldNotVerify("Actions may not open pull requests")

    monkeypatch.setattr(OwnBranch, "pull", refused)
    office.job(payload, "workflow_dispatch", GITHUB_RUN_ID=str(run.id))

    def while_carol_pushes(*arguments: Any, **options: Any) -> int:
        carol = office.person("carol")
        carol.start_branch(branch, base=branch)
        copy(carol, RELEASE, RELEASE, threshold="0.99")
        carol.commit("chore: Tidy")
        carol.push()
        return opening(*arguments, **options)

    monkeypatch.setattr(OwnBranch, "pull", while_carol_pushes)
    job = office.job(payload, "workflow_dispatch", GITHUB_RUN_ID=str(run.id), GITHUB_RUN_ATTEMPT="2")
    assert job.outputs["decision"] != "promoted"


FREEZE = "freezes: [{start: 2020-01-01T00:00, end: 2040-01-01T00:00, reason: audit}]\n"


def test_a_pull_request_that_was_closed_while_the_policy_became_stricter_is_not_green_when_it_is_opened_again(
    office: Office,
) -> None:
    """Whoever may write closes it, opens it again after the base moved, and merges before the job looks."""
    number = office.pull()
    office.ask(number, "/promote active")
    office.repository.close(number, by="carol")
    closed = office.repository.pull_request_event(number, action="closed", sender="carol")
    office.event("pull_request_target", closed, by="carol", PROMOTEBOT_COMMAND="gate")
    before = office.repository.git.branch("main") or ""
    office.policy(FREEZE)
    moved(office, before)
    pulls.reopen(office.repository.pull(number), office.hub.user("carol"))
    assert state(office, office.head(number)) != "success"


def test_a_withdrawal_finds_a_model_whose_name_fills_the_status(office: Office) -> None:
    model = "m" * 120
    number = office.pull()
    alice = office.person("alice")
    alice.start_branch("evaluation", base="evaluation")
    copy(alice, V2, RELEASE, model=model)
    alice.commit("feat: Long")
    before = alice.push()
    command = f"/promote shadow {model} --artifact-dir {RELEASE} --artifact-id long"
    assert office.ask(number, command).outputs["decision"] == "promoted", office.comments(number)
    green = office.head(number)
    force_push(office, number, before)
    assert office.ask(number, f"/withdraw {model}").outputs["decision"] == "withdrawn"
    assert state(office, green) != "success"


def test_what_a_checkout_gives_otherwise_cannot_be_promoted(office: Office) -> None:
    """carol's attributes came to main while no pointer named the directory."""
    release_on_main(office)
    attributes = f"/{RELEASE}/** text eol=crlf\n"
    office.push("carol", "attributes", {".gitattributes": attributes}, "chore: Line endings")
    other = office.repository.open_pull(author="carol", head="attributes", title="Line endings").number
    assert office.gate(other).outputs["decision"] == "passed"
    office.repository.merge(other, by="carol")
    number = office.pull()
    job = office.ask(number, f"/promote active --artifact-dir {RELEASE}")
    assert job.outputs["decision"] == "refused" or state(office, office.head(number)) != "success"


def test_an_event_names_no_commit_that_is_not_the_pull_requests_own(office: Office) -> None:
    """The bot posts where an event says that it was asked for, though anybody who may push wrote that event."""
    number, tip = office.pull(), office.repository.git.branch("main") or ""
    office.ask(number, "/promote staging")
    document = json.loads(office.repository.git.run("show", f"{office.head(number)}:{REGISTRY}"))
    entry = document["models"][MODEL]
    entry["history"][0]["request"]["head_sha"] = tip
    entry["history"], entry["history_digest"] = sealed(entry["history"])
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write(REGISTRY, stored_json(document))
    carol.commit("chore: Tidy")
    carol.push()
    office.ask(number, "/withdraw", author="carol")
    assert [s.state for s in office.repository.statuses if s.sha == tip] == []


def test_the_bot_commits_to_no_branch_that_is_promoted_into(office: Office) -> None:
    """A pull request may lead from main into another base, by whose policy carol may do more."""
    office.policy("bases: [sandbox]\n")
    lax = {".github/promotion.yml": "bases: [sandbox]\nstages: {active: {permission: write}}\n"}
    office.push("bob", "sandbox", lax, "chore: Sandbox")
    office.push("bob", "main", {"docs/more.md": "more\n"}, "docs: More")
    main = office.repository.git.branch("main")
    number = office.repository.open_pull(author="carol", head="main", base="sandbox", title="Main").number
    job = office.ask(number, f"/promote active {MODEL} --artifact-dir {V2} --artifact-id mine", author="carol")
    assert (job.outputs["decision"], office.repository.git.branch("main")) == ("refused", main)


MINUTES = 20
"""After which GitHub ends the job of a push: `timeout-minutes` in promote.yml."""


def test_slow_models_of_forks_leave_a_promotion_its_turn_before_the_job_is_ended(office: Office) -> None:
    """Newer pull requests are listed first, and whoever may read can open many of them."""
    number = office.pull()
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    fork = office.hub.fork("acme/models", "mallory")
    mallory = Person.at_work(office.hub, fork, "mallory", office.scratch / "mallory")
    for count in range(4):
        mallory.start_branch(f"mine-{count}")
        for directory in (V1, V2):
            copy(mallory, directory, directory, threshold=f"0.{count}")
        mallory.commit("feat: Mine")
        mallory.push()
        office.repository.open_pull(author="mallory", head=f"mallory:mine-{count}", title="Mine")
    payload = move_main(office)
    settings = Settings.from_env(Runner.of(office.repository, office.scratch / "runner").environment("push", payload))
    event, examine = parse_event("push", json.dumps(payload).encode()), SlowExaminer()
    assert isinstance(event, Pushed)
    head, judged = office.head(number), refresh_pull
    turns: list[float] = []

    def timed(attempt: Any) -> Any:
        turns.extend([examine.now] if attempt.snapshot.changeset.head == head else [])
        return judged(attempt)

    with pytest.MonkeyPatch.context() as patch, closing(PyGithubClient.connect(settings)) as client:
        patch.setattr("promotebot.action.push.refresh_pull", timed)
        job = JobContext(settings, lambda: client, examine, lambda: office.now, "main", monotonic=lambda: examine.now)
        refresh_pulls(event, job)
    assert turns
    assert turns[0] < MINUTES * 60


def test_a_promotion_of_somebody_who_may_no_longer_stays_red_whatever_is_promoted_beside_it(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    office.repository.set_role("alice", "read")
    assert office.gate(number, "edited").outputs["decision"] == "refused"
    job = office.ask(number, f"/promote shadow {MODEL} --artifact-dir {V1} --artifact-id other", author="carol")
    assert (job.outputs["decision"], state(office, office.head(number))) == ("promoted", "failure")


def test_a_policy_that_asks_for_a_higher_role_turns_the_promotion_of_a_lower_one_red(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/promote staging", author="carol").outputs["decision"] == "promoted"
    before = office.repository.git.branch("main") or ""
    office.policy("stages: {staging: {permission: maintain}}\n")
    moved(office, before)
    assert state(office, office.head(number)) == "failure"


def test_a_promotion_of_somebody_who_may_no_longer_stays_red_when_the_base_moves(office: Office) -> None:
    number, other = office.pull(), office.pull("other")
    office.ask(number, "/promote active")
    office.repository.set_role("alice", "read")
    assert office.gate(number, "edited").outputs["decision"] == "refused"
    command = f"/promote shadow {MODEL} --artifact-dir {V1} --artifact-id other"
    assert office.ask(other, command, author="bob").outputs["decision"] == "promoted"
    before = office.repository.git.branch("main") or ""
    office.repository.merge(other, by="bob")
    moved(office, before)
    assert state(office, office.head(number)) == "failure"


def test_a_policy_that_asks_for_a_pinned_head_turns_what_was_asked_for_without_one_red(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    before = office.repository.git.branch("main") or ""
    office.policy("require_sha: true\n")
    moved(office, before)
    assert state(office, office.head(number)) == "failure"


def test_a_pull_request_that_went_elsewhere_while_the_base_moved_leaves_no_older_head_green(office: Office) -> None:
    """What carol once put into a directory that no pointer named, she pushes back when one does."""
    release_on_main(office)
    number = office.pull("tidy", {f"{RELEASE}/extra.txt": "extra\n"})
    green = office.head(number)
    assert office.gate(number).outputs["decision"] == "passed"
    before = office.repository.git.branch("main") or ""
    office.push("carol", "tidy", {"docs/more.md": "more\n"}, "docs: More", force=True)
    office.repository.git.set_ref("refs/heads/elsewhere", before)
    office.repository.pull(number).base_ref = "elsewhere"
    edited = office.repository.pull_request_event(number, action="edited", sender="carol", changes={"base": "main"})
    office.event("pull_request_target", edited, by="carol", PROMOTEBOT_COMMAND="gate")
    other = office.pull("other")
    office.ask(other, f"/promote active --artifact-dir {RELEASE}")
    office.repository.merge(other, by="bob")
    moved(office, before)
    office.repository.pull(number).base_ref = "main"
    force_push(office, number, green)
    assert state(office, green) != "success"


def test_the_merge_queue_lets_nobody_approve_what_they_pushed_from_a_terminal(office: Office) -> None:
    office.policy("separation: {approvals: 1}\n")
    office.push("bob", "bobs", {"docs/notes.md": "notes\n"}, "docs: Notes")
    number = office.repository.open_pull(author="bob", head="bobs", title="Notes").number
    push(office, number, forged_plan(office, None, stage=Stage.STAGING), by="alice")
    push(office, number, forged_plan(office, None, stage=Stage.STAGING, reason="again"), by="bob")
    office.repository.review(number, by="alice")
    office.repository.review(number, by="carol")
    assert office.gate(number).outputs["decision"] == "passed", office.comments(number)
    group = office.repository.merge_queue.add(number, by="bob")
    office.repository.review(number, by="carol", state="DISMISSED")
    office.event("merge_group", office.repository.merge_group_event(number), by="bob")
    assert office.checks(group.head_sha) == ["pending"]


def test_a_request_that_lost_its_push_to_another_one_is_carried_out_on_what_that_one_made(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people ask at once: whoever is later was decided on the same commit, and took nothing back."""
    number = office.pull()

    def late(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr("promotebot.action.commit.commit_registry", commit_registry)
        assert office.ask(number, "/promote staging", author="carol").outputs["decision"] == "promoted"
        return commit_registry(*arguments, **options)

    monkeypatch.setattr("promotebot.action.commit.commit_registry", late)
    job = office.ask(number, "/promote active")
    assert job.outputs["decision"] == "promoted", office.comments(number)


def pushed_in_between(monkeypatch: pytest.MonkeyPatch, other: Callable[[], Any]) -> None:
    """The other job takes back before this one's push, and pushes after it."""
    place, made = "promotebot.action.commit.commit_registry", list[Any]()

    def ours(*arguments: Any, **options: Any) -> Any:
        def theirs(*their_arguments: Any, **their_options: Any) -> Any:
            monkeypatch.setattr(place, commit_registry)
            made.append(commit_registry(*arguments, **options))
            return commit_registry(*their_arguments, **their_options)

        monkeypatch.setattr(place, theirs)
        other()
        return made[0]

    monkeypatch.setattr(place, ours)


def test_a_promotion_that_was_withdrawn_while_it_was_pushed_leaves_nothing_green(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.pull()
    office.ask(number, "/promote staging")
    pushed_in_between(monkeypatch, lambda: office.ask(number, "/withdraw"))
    job = office.ask(number, "/promote active")
    assert office.pointer(office.head(number), "active") == office.pointer("main", "active"), "it is withdrawn"
    assert state(office, job.outputs["commit_sha"]) != "success"


def test_a_label_taken_off_takes_back_no_other_request_that_is_being_pushed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.pull()
    assert office.label(number, "promote:staging").outputs["decision"] == "promoted"
    pushed_in_between(monkeypatch, lambda: office.unlabel(number, "promote:staging"))
    office.ask(number, "/promote active")
    said = state(office, office.head(number))
    assert office.gate(number, "edited").outputs["decision"] == {"success": "passed"}.get(said, "refused")


def test_nothing_is_withdrawn_from_main_itself(office: Office) -> None:
    """carol's own base has carol's own policy, and a pull request may lead from main into it."""
    lax = {".github/promotion.yml": "stages: {active: {permission: write}}\n"}
    office.push("carol", "older", lax, "chore: Mine")
    number = office.pull()
    office.ask(number, "/promote active")
    office.merge(number)
    main = office.repository.git.branch("main")
    back = office.repository.open_pull(author="carol", head="main", base="older", title="Back").number
    job = office.ask(back, "/withdraw", author="carol")
    assert (job.outputs["decision"], office.repository.git.branch("main")) == ("refused", main)


def test_no_base_of_a_writers_own_says_who_may_withdraw(office: Office) -> None:
    office.push("carol", "older", {".github/promotion.yml": "stages: {active: {permission: write}}\n"}, "chore: Mine")
    number = office.pull()
    office.ask(number, "/promote active")
    assert office.ask(number, "/withdraw", author="carol").outputs["reason_code"] == "permission"
    office.repository.pull(number).base_ref = "older"
    assert office.ask(number, "/withdraw", author="carol").outputs["decision"] == "refused"


def test_no_other_base_says_behind_which_walls_a_readers_model_is_opened(
    office: Office, monkeypatch: pytest.MonkeyPatch, examiner: Examiner
) -> None:
    """Its own policy would, though nothing is promoted into it, and no verdict is given there."""
    office.push("bob", "pages", {"docs/index.md": "pages\n"}, "docs: Pages")
    office.policy("limits: {walls: required}\n")
    fork = office.hub.fork("acme/models", "mallory")
    mallory = Person.at_work(office.hub, fork, "mallory", office.scratch / "mallory")
    mallory.start_branch("mine")
    copy(mallory, V1, V1, threshold="0.99")
    mallory.commit("feat: Mine")
    mallory.push()
    number = office.repository.open_pull(author="mallory", head="mallory:mine", base="pages", title="Mine").number
    seen: list[str] = []

    def watched(source: Any, directory: Any, limits: Any) -> Any:
        seen.append(limits.walls)
        return examiner(source, directory, limits)

    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: watched)
    office.gate(number, "opened")
    assert set(seen) <= {"required"}


def test_the_bot_plans_nothing_again_on_main_itself(office: Office) -> None:
    """Whoever may read can open a pull request from main into a base; then that base moves, and nobody asks."""
    office.policy("bases: [sandbox]\n")
    bob = office.person("bob")
    bob.git("switch", "--quiet", "--create", "sandbox", f"{_before_shadow(office)}")
    bob.write(".github/promotion.yml", "bases: [sandbox]\n")
    bob.commit("chore: Sandbox")
    before = bob.push()
    office.repository.open_pull(author="mallory", head="main", base="sandbox", title="Main")
    main = office.repository.git.branch("main")
    bob.write("docs/more.md", "more\n")
    bob.commit("docs: More")
    bob.push()
    office.event("push", office.repository.push_event("sandbox", before=before, sender="bob"), by="bob")
    assert office.repository.git.branch("main") == main


def test_a_readers_pull_request_from_somebody_elses_branch_has_the_bot_change_nothing_there(office: Office) -> None:
    """What alice made at a terminal would be planned again for a base that she never chose."""
    office.policy("bases: [sandbox]\n")
    office.repository.git.set_ref("refs/heads/sandbox", str(office.repository.git.branch("main")))
    number = office.pull()
    push(office, number, forged_plan(office, None, stage=Stage.STAGING), by="alice")
    assert office.gate(number).outputs["decision"] == "passed", office.comments(number)
    head, before = office.head(number), office.repository.git.branch("sandbox") or ""
    office.repository.open_pull(author="mallory", head="evaluation", base="sandbox", title="Mine")
    bob = office.person("bob")
    bob.start_branch("sandbox", base="sandbox")
    bob.write(".github/promotion.yml", "bases: [sandbox]\nrequire_reason: true\n")
    bob.commit("chore: Reasons")
    bob.push()
    office.event("push", office.repository.push_event("sandbox", before=before, sender="bob"), by="bob")
    assert (office.head(number), state(office, office.head(number))) == (head, "success")


def _before_shadow(office: Office) -> str:
    """The commit of main before the one that put regime_v2 into SHADOW, at a terminal."""
    newest = office.repository.git.run("log", "-1", "--format=%H", "main", "--", REGISTRY).strip()
    return office.repository.git.run("rev-parse", f"{newest}^").strip()


def test_a_promotion_costs_the_walk_nothing_for_pull_requests_that_are_not_ours(office: Office) -> None:
    def cost(name: str, count: int) -> int:
        for n in range(count):
            office.pull(f"{name}-{n}")
        number = office.pull(name)
        office.ask(number, f"/promote staging {MODEL} --artifact-dir {V2} --artifact-id {name}")
        before = office.repository.git.branch("main") or ""
        office.repository.merge(number, by="bob")
        office.hub.requests.clear()
        office.hub.git_requests.clear()
        moved(office, before)
        return len(office.hub.requests) + len(office.hub.git_requests)

    assert cost("one", 1) == cost("many", 9)


def test_a_head_that_the_branch_went_on_from_is_not_green_when_others_promote_what_it_changed(office: Office) -> None:
    """Nobody forces anything: the next commit takes out again what this one put there."""
    release_on_main(office)
    number = office.pull("tidy", {f"{RELEASE}/extra.txt": "extra\n"})
    green = office.head(number)
    assert office.gate(number).outputs["decision"] == "passed"
    carol = office.person("carol")
    carol.start_branch("tidy", base="tidy")
    carol.git("rm", "--quiet", f"{RELEASE}/extra.txt")
    carol.write("docs/tidy.md", "tidy\n")
    carol.commit("chore: Take it out again")
    carol.push()
    assert office.gate(number).outputs["decision"] == "passed"
    before = office.repository.git.branch("main") or ""
    other = office.pull("other")
    assert office.ask(other, f"/promote active --artifact-dir {RELEASE}").outputs["decision"] == "promoted"
    office.repository.merge(other, by="bob")
    moved(office, before)
    assert state(office, green) != "success"
