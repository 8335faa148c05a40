"""`/check N`: who ticks what on which commit, where it is shown, and what unticks it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.office import BOT, Office

pytestmark = pytest.mark.thorough

STAGING = "/promote staging regime_classifier"


@pytest.fixture
def pull(office: Office) -> int:
    """A promotion to STAGING by alice, on which boxes 4 and 7 are open."""
    number = office.pull()
    assert office.ask(number, STAGING).outputs["reason_code"] == "committed"
    office.hub.pass_time(60)
    return number


def card(office: Office, number: int) -> str:
    [body] = [one for one in office.comments(number) if one.startswith("<!-- promotebot:regime_classifier")]
    return body.replace("\\", "").replace("&#58;", ":")


def boxes(office: Office, number: int) -> dict[int, str]:
    lines = card(office, number).partition("Checklist of the runbook")[2].partition("</details>")[0].split("\n")
    return {int(line[0]): line[3:] for line in lines if line[:1].isdecimal()}


def ticks_on(office: Office, sha: str) -> list[str]:
    contexts = [s.context for s in office.repository.statuses if s.sha == sha]
    return [context for context in contexts if context.startswith("promotebot/check/")]


def test_the_card_says_of_each_open_box_what_to_write(office: Office, pull: int) -> None:
    shown = boxes(office, pull)
    assert len(shown) == 7
    assert shown[4] == (
        "☐ Dry-run output reviewed and approved: for somebody who did not request it: review this commit, then "
        "comment `/check 4`"
    )
    assert shown[7].endswith("no rule asks for a reason here, so read it yourself, then comment `/check 7`")
    assert shown[1].startswith("☑ Artifact exists and passes integrity check: ")
    assert "/check" not in shown[1] + shown[3] + shown[5] + shown[6]


def test_a_tick_is_on_the_head_in_the_card_the_receipt_and_the_deployment(office: Office, pull: int) -> None:
    job = office.ask(pull, "/check 4 7", author="bob")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("checked", "checked"), job.log
    head = office.head(pull)
    assert ticks_on(office, head) == [f"promotebot/check/{pull}/4", f"promotebot/check/{pull}/7"]
    shown = boxes(office, pull)
    assert shown[4].startswith("☑ Dry-run output reviewed and approved: ticked by bob on ")
    assert shown[7].startswith("☑ Promotion reason documented: ticked by bob on ")
    assert "Checklist of the runbook: 6 of 7" in card(office, pull)
    assert "☑ 4. Dry-run output reviewed and approved" in office.answer(pull)
    assert "| Ticked in the checklist | `box 4 by bob, box 7 by bob` |" in office.reports(head)[-1].output["summary"]
    assert office.checks(head)[-1] == "success"
    office.gate(pull)
    assert boxes(office, pull)[4].startswith("☑ ")
    office.merge(pull)
    [made] = office.repository.deployments.values()
    payload: Any = made.payload
    assert payload["checklist"] == "box 4 by bob, box 7 by bob"


def test_a_tick_after_the_merge_is_refused_and_in_no_receipt(office: Office, pull: int) -> None:
    office.repository.merge(pull, by="bob")
    assert office.ask(pull, "/check 4", author="bob").outputs["reason_code"] == "pull_closed"
    office.event("pull_request_target", office.repository.pull_request_event(pull, action="closed"), by="bob")
    [made] = office.repository.deployments.values()
    payload: Any = made.payload
    assert payload["checklist"] is None


def test_a_new_commit_unticks_it(office: Office, pull: int) -> None:
    office.ask(pull, "/check 4", author="bob")
    person = office.person("alice")
    person.git("fetch", "origin", "evaluation")
    person.git("switch", "-C", "evaluation", "FETCH_HEAD")
    (person.clone / "more.txt").write_text("more\n")
    person.commit("docs: More")
    person.git("push", "origin", "evaluation")
    office.gate(pull)
    assert boxes(office, pull)[4].startswith("☐ ")


def test_a_new_plan_unticks_it(office: Office, pull: int) -> None:
    office.ask(pull, "/check 4", author="bob")
    office.ask(pull, f"{STAGING} --share 5%")
    assert boxes(office, pull)[4].startswith("☐ ")
    assert ticks_on(office, office.head(pull)) == []


def test_whoever_requested_it_does_not_tick_that_it_was_reviewed(office: Office, pull: int) -> None:
    job = office.ask(pull, "/check 4")
    assert job.outputs["reason_code"] == "permission"
    assert "### ⛔ Not ticked" in office.answer(pull)
    assert "so box 4 is for somebody else to tick" in office.answer(pull)
    assert ticks_on(office, office.head(pull)) == []
    assert office.ask(pull, "/check 7").outputs["reason_code"] == "checked"


def test_whoever_may_only_read_ticks_nothing(office: Office, pull: int) -> None:
    job = office.ask(pull, "/check 7", author="mallory")
    assert job.outputs["reason_code"] == "permission"
    assert "ticking a box for promoting to STAGING needs write" in office.answer(pull)
    assert ticks_on(office, office.head(pull)) == []


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("/check 1", "already_done", "Box 1 (Artifact exists and passes integrity check) needs no other tick: "),
        ("/check 3", "rules", "Box 3 (Git SHA matches training code commit (ACTIVE only)) is not for people to tick"),
        ("/check 4 5", "already_done", "Box 5 (Registry verification passes) needs no other tick: "),
        ("/check", "unreadable_command", "/check needs the number of a box"),
        ("/check 8", "unreadable_command", "'8' is not the number of a box, 1 to 7"),
        ("/check 4, 7", "unreadable_command", "'4,' is not the number of a box, 1 to 7"),
        ("/check ٤", "unreadable_command", "is not the number of a box"),
        ("/chek 4", "unreadable_command", "/check 4"),
    ],
)
def test_what_rules_answer_or_is_no_box_is_not_ticked(
    office: Office, pull: int, line: str, code: str, said: str
) -> None:
    job = office.ask(pull, line, author="bob")
    assert job.outputs["reason_code"] == code
    assert said in office.answer(pull)
    assert ticks_on(office, office.head(pull)) == []


def test_a_box_that_a_rule_says_is_wrong_is_refused_with_the_rules_words(office: Office) -> None:
    office.policy("separation: {approvals: 1}\n")
    number = office.pull()
    office.ask(number, STAGING)
    office.hub.pass_time(60)
    assert "waits for 1 more approval" in boxes(office, number)[4]
    job = office.ask(number, "/check 4", author="bob")
    assert job.outputs["reason_code"] == "rules"
    assert "waits for 1 more approval" in office.answer(number)
    assert office.checks(office.head(number))[-1] == "pending"


@pytest.mark.parametrize(
    ("line", "meant", "code"),
    [
        ("/check", "/check 4", "checked"),
        ("/chek 4", "/check 4", "checked"),
        ("/check 3", "/why", "shown"),
    ],
)
def test_the_line_of_a_refusal_is_carried_out_as_it_stands(
    office: Office, pull: int, line: str, meant: str, code: str
) -> None:
    office.ask(pull, line, author="bob")
    assert f"`{meant}`" in office.answer(pull) or f"\n  {meant}\n" in office.answer(pull)
    assert office.ask(pull, meant, author="bob").outputs["reason_code"] == code


def test_a_pull_request_without_a_promotion_has_no_checklist(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/check 4", author="bob").outputs["reason_code"] == "nothing_to_change"
    assert "/help" in office.answer(number)


def test_what_nobody_can_read_has_no_checklist(office: Office, pull: int) -> None:
    changed = office.registry("main").to_bytes().replace(b"regime_v1_prod", b"regime_v1_other")
    office.push("alice", "evaluation", {"ml/registry/models.json": changed}, "chore: By hand", force=True)
    office.gate(pull)
    office.hub.pass_time(60)
    job = office.ask(pull, "/check 7", author="bob")
    assert job.outputs["reason_code"] == "rules"
    assert "Nobody can tell what this pull request promotes" in office.answer(pull)


def test_another_tick_of_a_box_is_one_too_many(office: Office, pull: int) -> None:
    office.ask(pull, "/check 7", author="bob")
    assert office.ask(pull, "/check 7").outputs["reason_code"] == "already_done"
    assert "Box 7 (Promotion reason documented) needs no other tick: ticked by bob on" in office.answer(pull)


def test_the_last_pusher_does_not_tick_that_it_was_reviewed(office: Office) -> None:
    number = office.pull()
    office.push("bob", "evaluation", {"more.txt": "more"}, "docs: More", force=True)
    office.ask(number, STAGING)
    office.hub.pass_time(60)
    assert office.ask(number, "/check 4", author="bob").outputs["reason_code"] == "permission"


def test_a_comment_that_is_older_than_the_commit_ticks_nothing(office: Office, pull: int) -> None:
    comment = office.repository.comment(pull, author="bob", body="/check 7")
    office.hub.pass_time(60)
    office.ask(pull, f"{STAGING} --share 5%")
    job = office.job(office.repository.issue_comment_event(comment.id))
    assert job.outputs["reason_code"] == "sha_mismatch"
    assert ticks_on(office, office.head(pull)) == []


def test_a_comment_about_another_commit_ticks_nothing_on_the_one_that_the_branch_was_forced_back_to(
    office: Office, pull: int
) -> None:
    judged = office.head(pull)
    office.push("alice", "evaluation", {"more.txt": "more"}, "docs: More", force=True)
    office.hub.pass_time(60)
    comment = office.repository.comment(pull, author="bob", body="/check 7")
    event = office.repository.issue_comment_event(comment.id)
    office.hub.pass_time(60)
    alice = office.person("alice")
    alice.git("fetch", "--quiet", "origin", judged)
    alice.git("push", "--quiet", "--force", "origin", f"{judged}:refs/heads/evaluation")
    office.hub.pass_time(60)
    assert office.job(event).outputs["reason_code"] == "sha_mismatch"
    assert ticks_on(office, judged) == []
    assert office.ask(pull, "/check 7", author="bob").outputs["reason_code"] == "checked"


def test_a_command_and_its_tick_in_one_comment_tick_nothing(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, f"{STAGING}\n/check 7")
    assert job.outputs["reason_code"] == "sha_mismatch"


def test_somebody_elses_status_ticks_nothing_and_hides_nothing(office: Office, pull: int) -> None:
    head, context = office.head(pull), f"promotebot/check/{pull}/7"
    said = f"#{pull} box 7 ticked by bob"
    office.repository.post_status(head, context, "success", by="bob", description=said)
    office.gate(pull)
    assert boxes(office, pull)[7].startswith("☐ ")
    office.ask(pull, "/check 7", author="bob")
    office.repository.post_status(head, context, "failure", by="bob", description=said)
    office.gate(pull)
    assert boxes(office, pull)[7].startswith("☑ ")


def test_the_same_run_again_says_the_same(office: Office, pull: int) -> None:
    comment = office.repository.comment(pull, author="bob", body="/check 7")
    event = office.repository.issue_comment_event(comment.id)
    assert office.job(event).outputs["reason_code"] == office.job(event).outputs["reason_code"] == "checked"
    assert sum(BOT in one.user.login for one in office.repository.comments_on(pull)) == 2


def test_an_edited_comment_ticks_nothing(office: Office, pull: int) -> None:
    comment = office.repository.comment(pull, author="bob", body="thanks")
    event = office.repository.issue_comment_event(comment.id)
    event["comment"]["body"] = "/check 7"
    assert office.job(event).outputs["reason_code"] == "edited_comment"
    assert ticks_on(office, office.head(pull)) == []
