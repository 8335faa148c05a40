"""What a third hostile review found: verdicts that outlive a closing, and records and checks that do not tell."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import yaml

from promotebot.action import push
from promotebot.doctor.report import Status
from promotebot.doctor.workflow import Workflow
from promotebot.errors import CouldNotVerify
from promotebot.git.partial import PartialRepository
from promotebot.github.client import PyGithubClient
from promotebot.github.repository_settings import BranchRequirements, RequiredStatus
from promotebot.registry.names import Stage
from tests.action.test_second_review import FREEZE, MODEL, RELEASE, V2, holds, moved, release_on_main
from tests.action.test_sweep import by_timer
from tests.demo.story import REGISTRY
from tests.doctor.clinic import Clinic
from tests.doctor.healthy import branch, facts, files_of, line
from tests.fake_github import pulls
from tests.fake_github.faults import Fault
from tests.fake_github.refusals import HttpError
from tests.gate.attacks import copy, force_push, forked, killed_before_its_commit, meanwhile, same_head, state
from tests.gate.forgery import forged as forged_plan
from tests.gate.forgery import push as push_event
from tests.office import Office
from tests.sampling import sampled

pytestmark = pytest.mark.thorough


def close(office: Office, number: int, *, by: str = "carol") -> None:
    """Somebody closes a pull request, and the gate's job of it runs."""
    office.repository.close(number, by=by)
    payload = office.repository.pull_request_event(number, action="closed", sender=by)
    office.event("pull_request_target", payload, by=by, PROMOTEBOT_COMMAND="gate")


def stricter(office: Office) -> None:
    """bob freezes the base, and the job of his push runs."""
    before = office.repository.git.branch("main") or ""
    office.policy(FREEZE)
    moved(office, before)


def test_a_pull_request_that_was_closed_while_it_was_judged_is_not_green_when_it_is_opened_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job of the closing ends before the green is set; afterwards nothing judges a closed pull request."""
    number = office.pull()
    office.ask(number, "/promote active")
    done = meanwhile(monkeypatch, lambda: close(office, number))
    office.gate(number, "edited")
    assert done
    stricter(office)
    pulls.reopen(office.repository.pull(number), office.hub.user("carol"))
    assert state(office, office.head(number)) != "success"


def test_a_pull_request_that_was_closed_while_it_was_promoted_is_not_green_when_it_is_opened_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.pull()
    done = meanwhile(monkeypatch, lambda: close(office, number), "promote")
    office.ask(number, "/promote active")
    assert done
    stricter(office)
    pulls.reopen(office.repository.pull(number), office.hub.user("carol"))
    assert state(office, office.head(number)) != "success"


def test_a_pull_request_that_went_elsewhere_while_it_was_judged_is_not_green_when_it_comes_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.repository.git.set_ref("refs/heads/elsewhere", str(office.repository.git.branch("main")))
    number = office.pull()
    office.ask(number, "/promote active")

    def retarget() -> None:
        office.repository.change_base(number, "elsewhere")
        edited = office.repository.pull_request_event(number, action="edited", sender="carol", changes={"base": "main"})
        office.event("pull_request_target", edited, by="carol", PROMOTEBOT_COMMAND="gate")

    done = meanwhile(monkeypatch, retarget)
    office.gate(number, "edited")
    assert done
    stricter(office)
    office.repository.change_base(number, "main")
    assert state(office, office.head(number)) != "success"


def test_a_change_of_bytes_that_was_judged_while_they_were_promoted_is_not_green(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """carol's pull request promotes nothing, so that nothing looks again after its green."""
    release_on_main(office)
    carol = office.person("carol")
    carol.start_branch("tidy")
    copy(carol, RELEASE, RELEASE, threshold="0.99")
    carol.commit("chore: Tidy")
    carol.push()
    tidy = office.repository.open_pull(author="carol", head="tidy", title="Tidy").number

    def promote() -> None:
        other, before = office.pull("other"), office.repository.git.branch("main") or ""
        office.ask(other, f"/promote active --artifact-dir {RELEASE}")
        office.repository.merge(other, by="bob")
        moved(office, before)
        assert state(office, office.head(tidy)) == "failure"

    done = meanwhile(monkeypatch, promote)
    office.gate(tidy, "opened")
    assert done
    green = state(office, office.head(tidy)) == "success"
    office.repository.merge(tidy, by="carol")
    assert not green or holds(office, "main", "active")


def test_a_change_of_the_policy_whose_approval_was_taken_back_while_it_was_judged_is_not_green(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.policy("separation: {approvals: 1}\n")
    office.push("alice", "lax", {".github/promotion.yml": "separation: {approvals: 1}\ndrafts: true\n"}, "chore: Lax")
    number = office.repository.open_pull(author="alice", head="lax", title="Lax").number
    office.repository.review(number, by="bob")
    assert office.gate(number).outputs["decision"] == "passed", office.comments(number)

    def dismiss() -> None:
        office.repository.review(number, by="bob", state="CHANGES_REQUESTED")
        office.gate(number)
        assert state(office, office.head(number)) == "pending"

    done = meanwhile(monkeypatch, dismiss)
    office.gate(number, "edited")
    assert done
    assert state(office, office.head(number)) != "success"


def test_a_readers_pull_request_of_the_same_head_keeps_no_closed_promotion_green(office: Office) -> None:
    """It is open while the promotion is closed, and closed afterwards: of a fork nobody knows the heads."""
    number = office.pull()
    office.ask(number, "/promote active")
    mine = same_head(office, number)
    office.gate(mine, "opened")
    office.hub.pass_time(60)
    close(office, number)
    close(office, mine, by="mallory")
    stricter(office)
    pulls.reopen(office.repository.pull(number), office.hub.user("carol"))
    assert state(office, office.head(number)) != "success"


def test_a_writers_status_hides_no_green_from_the_closing_of_its_pull_request(office: Office) -> None:
    """GraphQL shows the newest status of a context, whoever posted it; a rule that names its source counts the bot's
    all the same.
    """
    office.repository.protect("main", required_checks=["promotebot/gate"], source="github-actions")
    number = office.pull()
    office.ask(number, "/promote active")
    office.repository.post_status(office.head(number), "promotebot/gate", "failure", by="carol")
    office.hub.pass_time(60)
    close(office, number)
    ours = [s.state for s in office.repository.statuses if s.sha == office.head(number) and s.user.type == "Bot"]
    assert ours[-1] != "success"


def test_what_a_killed_job_decided_is_taken_back_also_after_a_push(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """carol cancels alice's job between attestation and commit, and pushes; alice asks for something else instead."""
    number = office.pull()
    attested = killed_before_its_commit(office, number, monkeypatch)
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write("docs/more.md", "more\n")
    carol.commit("docs: More")
    carol.push()
    again = f"/promote active --artifact-dir {V2} --artifact-id second"
    assert office.ask(number, again).outputs["decision"] == "promoted"
    carol.git("pull", "--quiet", "origin", "evaluation")
    carol.write(REGISTRY, attested)
    carol.commit("chore: Tidy")
    carol.push()
    assert office.gate(number).outputs["decision"] == "refused"


def test_a_withdrawal_finds_what_a_killed_job_decided_before_the_next_push(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.pull()
    attested = killed_before_its_commit(office, number, monkeypatch)
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write("docs/more.md", "more\n")
    carol.commit("docs: More")
    carol.push()
    office.ask(number, "/withdraw")
    carol.write(REGISTRY, attested)
    carol.commit("chore: Tidy")
    carol.push()
    assert office.gate(number).outputs["decision"] == "refused"


def to_and_fro(office: Office, number: int, times: int) -> None:
    """carol moves a branch away from its head and back again."""
    branch, head = office.repository.pull(number).head_ref, office.head(number)
    parent = office.repository.git.run("rev-parse", f"{head}^").strip()
    for _ in range(times):
        for sha in (parent, head):
            office.repository.git.set_ref(f"refs/heads/{branch}", sha)
            office.repository.refresh(office.hub.user("carol"))
    office.hub.pass_time(60)


def test_too_many_pushes_keep_no_closed_promotion_green(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """More moves than are looked at: what is not known is no pass, and the present head is known."""
    monkeypatch.setattr("promotebot.pulls.heads.MAX_MOVES", 5)
    number = office.pull()
    office.ask(number, "/promote active")
    to_and_fro(office, number, 3)
    close(office, number)
    stricter(office)
    pulls.reopen(office.repository.pull(number), office.hub.user("carol"))
    assert state(office, office.head(number)) != "success"


def test_too_many_pushes_keep_no_promotion_green_whose_requester_takes_it_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promotebot.pulls.heads.MAX_MOVES", 5)
    number = office.pull()
    office.ask(number, "/promote active")
    to_and_fro(office, number, 3)
    green = office.head(number)
    office.ask(number, "/withdraw")
    assert state(office, green) != "success"


FORCED = 12
"""A thousand are looked at; git fetches each of them alone."""


def test_how_often_another_branch_was_forced_does_not_hold_up_the_marks(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until every pull request is marked as pending, each can be merged by the green of the old base."""
    number = office.pull()
    office.ask(number, "/promote active")
    office.pull("other")
    for count in range(FORCED):
        office.push("carol", "other", {f"docs/{count}.md": f"{count}\n"}, "docs: More", force=True)
    before = office.repository.git.branch("main") or ""
    office.policy(FREEZE)
    office.hub.git_requests.clear()
    asked: list[int] = []
    mark = push._Walk.mark_pending

    def marked(self: Any, affected: Any) -> None:
        asked.append(len(office.hub.git_requests))
        mark(self, affected)

    monkeypatch.setattr(push._Walk, "mark_pending", marked)
    moved(office, before)
    assert asked[0] < FORCED, asked


def test_pull_requests_that_wait_for_approval_keep_no_other_from_the_timer(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for people is judged again by every run, and the newest come first."""
    monkeypatch.setattr("promotebot.action.sweep.MAX_JUDGED", 2)
    office.policy("separation: {approvals: 1}\n")
    number = office.pull()  # opened by another workflow: no job of the gate started
    for count in range(2):
        waiting = office.pull(f"waiting-{count}")
        office.ask(waiting, f"/promote staging {MODEL} --artifact-dir {V2} --artifact-id {count}", author="carol")
        assert state(office, office.head(waiting)) == "pending"
    office.hub.pass_time(60)
    for _ in range(3):
        by_timer(office)
    assert office.checks(office.head(number)) != []


def auto_merge(office: Office, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """carol switched auto-merge on: GitHub merges as soon as what the branch's rule requires is green."""
    office.repository.protect("main", required_checks=["promotebot/gate"], source="github-actions")
    publish = PyGithubClient.publish_status

    def published(self: Any, sha: str, *, context: str, state: str, description: str) -> None:
        publish(self, sha, context=context, state=state, description=description)  # type: ignore[arg-type]
        pull = office.repository.pull(number)
        if (sha, context, state, pull.state) == (pull.head_sha, "promotebot/gate", "success", "open"):
            office.repository.merge(number, by="carol")

    monkeypatch.setattr(PyGithubClient, "publish_status", published)


def test_auto_merge_takes_nothing_whose_approval_was_taken_back_while_it_was_judged(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.policy("separation: {approvals: 1}\n")
    number = office.pull()
    office.ask(number, "/promote active")
    office.repository.review(number, by="bob")
    before = office.pointer("main", "active")

    def dismiss() -> None:
        office.repository.review(number, by="bob", state="CHANGES_REQUESTED")
        office.gate(number)
        assert state(office, office.head(number)) == "pending"
        auto_merge(office, number, monkeypatch)

    done = meanwhile(monkeypatch, dismiss)
    office.gate(number, "edited")
    assert done
    assert office.pointer("main", "active") == before


def test_a_green_that_nobody_could_look_at_again_does_not_stay(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown is never a pass: git does not answer when the green is looked at again."""
    number = office.pull()
    office.ask(number, "/promote active")

    def silent(*_: Any) -> Any:
        raise CouldNotVerify("cannot read refs/heads/main")

    def freeze() -> None:
        stricter(office)
        assert state(office, office.head(number)) == "failure"
        monkeypatch.setattr("promotebot.git.branch.FetchedRepository.tips", silent)

    done = meanwhile(monkeypatch, freeze)
    office.gate(number, "edited")
    assert done
    assert state(office, office.head(number)) != "success"


def test_an_approval_by_somebody_who_pushed_counts_as_little_when_it_is_looked_at_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events made at a terminal: while it is judged, bob takes his approval back, and carol, who pushed, gives hers."""
    office.policy("separation: {approvals: 1}\nterminal: [shadow, staging]\n")
    number = office.pull()
    push_event(office, number, forged_plan(office, None, stage=Stage.STAGING), by="carol")
    push_event(office, number, forged_plan(office, None, stage=Stage.STAGING, reason="again"), by="alice")
    office.repository.review(number, by="bob")
    assert office.gate(number).outputs["decision"] == "passed", office.comments(number)

    def exchange() -> None:
        office.repository.review(number, by="bob", state="CHANGES_REQUESTED")
        office.repository.review(number, by="carol")
        office.gate(number)
        assert state(office, office.head(number)) == "pending"

    done = meanwhile(monkeypatch, exchange)
    office.gate(number, "edited")
    assert done
    assert state(office, office.head(number)) != "success"


def test_attributes_are_read_within_limits(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader's fork may hold thousands of them, and what does not come at once must not come without a limit."""
    limits: list[int | None] = []
    bring = PartialRepository._bring

    def brought(self: Any, oids: Any, *, max_bytes: int | None = None) -> None:
        limits.append(max_bytes)
        bring(self, oids, max_bytes=max_bytes)

    monkeypatch.setattr(PartialRepository, "_bring", brought)
    monkeypatch.setattr("promotebot.pulls.small_files.MAX_BYTES", 0)
    monkeypatch.setattr("promotebot.git.partial.SPARE_BYTES", 100_000)
    files = {f"docs/{count}/.gitattributes": os.urandom(400_000).hex() for count in range(3)}
    number, _ = forked(office, "mine", files)
    office.gate(number, "opened")
    assert limits
    assert None not in limits


@pytest.mark.parametrize(
    "filters", ["branches: [develop]", "paths: ['docs/**']", "paths-ignore: ['**']", "branches-ignore: [main]"]
)
def test_the_doctor_calls_no_gate_well_that_leaves_pull_requests_out(filters: str) -> None:
    gate = ".github/workflows/gate.yml"
    files = dict(files_of())
    event = dict(files[gate].triggers["pull_request_target"])
    event |= yaml.load(filters, Loader=yaml.BaseLoader)  # noqa: S506 - the doctor's own loader
    files[gate] = replace(files[gate], triggers={**files[gate].triggers, "pull_request_target": event})
    assert line("triggers", facts(branches=(branch(workflows=files),)), where="").status is not Status.OK


@pytest.mark.parametrize("filters", ["paths: ['docs/**']", "paths-ignore: ['ml/**']", "tags: ['v*']"])
def test_the_doctor_calls_no_push_heard_that_is_filtered_otherwise(filters: str) -> None:
    assert not Workflow.parse(f"on: {{push: {{{filters}}}}}\njobs: {{one: {{}}}}\n".encode()).hears_pushes_to("main")


def test_the_doctor_does_not_know_which_app_is_another_apps_number() -> None:
    """29110 is another App's: what the bot sets would not count, and nothing could be merged."""
    rules = BranchRequirements(statuses=(RequiredStatus("promotebot/gate", 29110),), code_owner_review=True)
    given = facts(app=True)
    given = replace(given, branches=(replace(given.default, rulesets=rules),))
    assert line("required_context", given).status is not Status.OK


@pytest.mark.parametrize(
    "attributes",
    [{"text": "unset", "ident": "set"}, {"text": "unset", "filter": "custom"}],
)
def test_the_doctor_reads_every_attribute_by_which_a_checkout_differs(
    office: Office, attributes: dict[str, str]
) -> None:
    clinic = Clinic.of(office)
    clinic.set_up()
    words = " ".join(n if v == "set" else f"-{n}" if v == "unset" else f"{n}={v}" for n, v in attributes.items())
    clinic.commit({".gitattributes": f"ml/artifacts/** {words}\n"})
    assert clinic.line("attributes").status is not Status.OK


def test_the_doctor_does_not_take_a_refusal_for_a_codeowners_file_without_errors(office: Office) -> None:
    """404 is what GitHub says, too, where the token may not see it."""
    clinic = Clinic.of(office)
    clinic.set_up()
    office.hub.inject(Fault("GET", "/codeowners/errors", status=404, message="Not Found"))
    assert clinic.line("codeowners_errors").status is not Status.OK


def test_a_readers_pull_request_of_the_same_head_keeps_no_green_for_a_base_that_was_left(office: Office) -> None:
    office.policy("bases: [sandbox]\n")
    office.repository.git.set_ref("refs/heads/sandbox", str(office.repository.git.branch("main")))
    office.repository.refresh(office.hub.user("bob"))
    number = office.pull(base="sandbox")
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    mine = same_head(office, number, base="sandbox")
    office.hub.pass_time(60)
    office.repository.change_base(number, "main")
    edited = office.repository.pull_request_event(number, action="edited", sender="carol", changes={"base": "sandbox"})
    office.event("pull_request_target", edited, by="carol", PROMOTEBOT_COMMAND="gate")
    close(office, mine, by="mallory")
    before = office.repository.git.branch("sandbox") or ""
    bob = office.person("bob")
    bob.start_branch("sandbox", base="sandbox")
    bob.write(".github/promotion.yml", f"bases: [sandbox]\n{FREEZE}")
    bob.commit("chore: Freeze")
    bob.push()
    office.event("push", office.repository.push_event("sandbox", before=before, sender="bob"), by="bob")
    office.repository.change_base(number, "sandbox")
    assert state(office, office.head(number), "promotebot/gate (sandbox)") != "success"


def test_a_withdrawal_in_another_base_leaves_no_green_for_a_readers_pull_request_of_the_same_head(
    office: Office,
) -> None:
    """carol edits the base, so that what alice takes back is green for mallory's pull request all the same."""
    office.policy("bases: [sandbox]\n")
    office.repository.git.set_ref("refs/heads/sandbox", str(office.repository.git.branch("main")))
    office.repository.refresh(office.hub.user("bob"))
    number, before = office.pull(), office.pointer("main", "active")
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    mine = same_head(office, number)
    office.gate(mine, "opened")
    office.hub.pass_time(60)
    office.repository.change_base(number, "sandbox")
    edited = office.repository.pull_request_event(number, action="edited", sender="carol", changes={"base": "main"})
    office.event("pull_request_target", edited, by="carol", PROMOTEBOT_COMMAND="gate")
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
    office.hub.pass_time(60)
    office.repository.protect("main", required_checks=["promotebot/gate"], source="github-actions")
    with suppress(HttpError):
        office.repository.merge(mine, by="carol")
    assert office.pointer("main", "active") == before


def test_a_readers_pull_request_that_git_cannot_fetch_leaves_no_other_green(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All heads come with one fetch: a fork whose trees take more than git's time keeps every one from its mark."""
    number = office.pull()
    office.ask(number, "/promote active")
    mine, _ = forked(office, "mine", {"docs/mine.md": "mine\n"})
    fetch = PartialRepository._fetch

    def slow(self: Any, refs: Any, depth: Any) -> str:
        if f"refs/pull/{mine}/head" in refs.values():
            raise CouldNotVerify("cannot fetch: git took more than 300 seconds")
        return fetch(self, refs, depth)

    monkeypatch.setattr(PartialRepository, "_fetch", slow)
    office.hub.pass_time(60)
    before = office.repository.git.branch("main") or ""
    office.policy(FREEZE)
    moved(office, before)
    assert state(office, office.head(number)) != "success"


def test_the_timer_judges_forks_last(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may read can open any number of them, and slow models use up the time of the job."""
    monkeypatch.setattr("promotebot.action.sweep.MAX_JUDGED", 1)
    number = office.pull()
    forked(office, "mine", {"docs/mine.md": "mine\n"})
    office.hub.pass_time(60)
    by_timer(office)
    assert office.checks(office.head(number)) != []


def test_an_older_head_is_not_green_when_the_base_puts_a_file_beside_what_it_promotes(office: Office) -> None:
    """The base has no manifest there, so that what changed on it does not look like an artifact's."""
    number = office.pull()
    alice = office.person("alice")
    alice.start_branch("evaluation", base="evaluation")
    copy(alice, V2, RELEASE)
    alice.commit("feat: Release")
    without = alice.push()
    job = office.ask(number, f"/promote active {MODEL} --artifact-dir {RELEASE} --artifact-id release")
    assert job.outputs["decision"] == "promoted", office.comments(number)
    green = office.head(number)
    assert state(office, green) == "success"
    force_push(office, number, without)
    office.push("carol", "tidy", {f"{RELEASE}/extra.txt": "extra\n"}, "chore: Tidy")
    tidy = office.repository.open_pull(author="carol", head="tidy", title="Tidy").number
    assert office.gate(tidy).outputs["decision"] == "passed"
    before = office.repository.git.branch("main") or ""
    office.repository.merge(tidy, by="carol")
    office.hub.pass_time(60)
    moved(office, before, by="carol")
    force_push(office, number, green)
    assert state(office, green) != "success"


def merged_attributes(office: Office, branch: str, text: str) -> None:
    """carol changes the base's attributes by a pull request that passes, and the job of its merge runs."""
    office.push("carol", branch, {".gitattributes": text}, "chore: Attributes")
    number = office.repository.open_pull(author="carol", head=branch, title="Attributes").number
    assert office.gate(number).outputs["decision"] == "passed"
    before = office.repository.git.branch("main") or ""
    office.repository.merge(number, by="carol")
    moved(office, before, by="carol")


CONVERTING = ["text eol=crlf", "ident", "filter=custom", "working-tree-encoding=UTF-16"]


@pytest.mark.parametrize("attribute", sampled(CONVERTING, 2))
def test_attributes_that_the_base_got_meanwhile_turn_a_promotion_red(office: Office, attribute: str) -> None:
    """Merging gives the base's attributes and the branch's pointer; the branch alone has no attributes."""
    release_on_main(office)
    number = office.pull()
    office.ask(number, f"/promote active --artifact-dir {RELEASE}")
    assert state(office, office.head(number)) == "success"
    attributes = f"/{RELEASE}/** {attribute}\n"
    merged_attributes(office, "attributes", attributes)
    assert state(office, office.head(number)) == "failure"
    remedy = re.search(
        rf"^.*?({re.escape(RELEASE)}/\*\* -[a-z -]+[a-z])", str(vars(office.reports(office.head(number))[-1]))
    )
    assert remedy, "the line to add is told"
    merged_attributes(office, "remedy", f"{attributes}{remedy[1]}\n")
    assert state(office, office.head(number)) == "success"


@pytest.mark.parametrize("meanwhile_on_main", [False, True])
def test_another_spelling_of_what_is_promoted_that_is_on_the_base_turns_it_red(
    office: Office, *, meanwhile_on_main: bool
) -> None:
    """On macOS and Windows a checkout of the merged tree has one directory with the files of both."""
    release_on_main(office)

    def twin() -> None:
        before = office.repository.git.branch("main") or ""
        office.push("carol", "twin", {"ml/artifacts/Release/extra.txt": "extra\n"}, "chore: Twin")
        other = office.repository.open_pull(author="carol", head="twin", title="Twin").number
        assert office.gate(other).outputs["decision"] == "passed"
        office.repository.merge(other, by="carol")
        moved(office, before, by="carol")

    if not meanwhile_on_main:
        twin()
    number = office.pull()
    office.ask(number, f"/promote active --artifact-dir {RELEASE}")
    if meanwhile_on_main:
        twin()
    assert state(office, office.head(number)) != "success"
