"""Replies: what is posted, that a comment which fails changes nothing, and that a check which fails raises."""

from __future__ import annotations

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.action.question import Question, question_of
from promotebot.action.reply import Replier, comment_context, refusal_answer
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.comments.comment import Rendered
from promotebot.errors import CouldNotVerify
from promotebot.findings import error, passed
from promotebot.gate.refusal import Reason, Refusal
from promotebot.promotion.commands import InvalidCommand
from tests.fakes import BOT, HEAD, FakeGitHub, pull_request, settings

REGIME, GENERAL = "<!-- promotebot:regime -->", "<!-- promotebot:general -->"
RENDERED = Rendered(REGIME, "title", f"{REGIME}\nbody", "the full text")
DONE = Answer(Outcome.PROMOTED, Reason.COMMITTED, "promoted", commit_sha=HEAD)
NO = Answer(Outcome.REFUSED, Reason.RULES, "refused")


@pytest.fixture
def github() -> FakeGitHub:
    """Pull request 7 with the comment that asked."""
    fake = FakeGitHub(pulls={7: pull_request()})
    fake.say(7, "alice", "/promote active")
    return fake


def replier(github: FakeGitHub, comment_id: int | None = 1) -> Replier:
    return Replier(github, settings(), Requester(7, "alice", "comment:1", "https://x/1", comment_id))


def ours(github: FakeGitHub) -> list[str]:
    return [comment.body for comment in github.written.values() if comment.author == BOT]


def test_a_card_is_posted_with_its_address_and_whole_text(github: FakeGitHub) -> None:
    answer = replier(github).post(DONE, RENDERED)
    assert ours(github) == [RENDERED.body]
    assert (answer.comment_url, answer.summary) == (github.written[2].html_url, "the full text")
    assert (answer.outcome, answer.reason, answer.commit_sha) == (DONE.outcome, DONE.reason, HEAD)


def test_a_second_card_replaces_the_first_where_it_stands(github: FakeGitHub) -> None:
    first = replier(github).post(NO, RENDERED)
    second = replier(github).post(DONE, Rendered(REGIME, "title", f"{REGIME}\nlater", "later"))
    assert ours(github) == [f"{REGIME}\nlater"]
    assert first.comment_url == second.comment_url


def test_an_answer_is_a_new_comment_and_leaves_the_card_alone(github: FakeGitHub) -> None:
    replier(github).post(DONE, RENDERED)
    answer = replier(github).answer(NO, RENDERED)
    card, refused = ours(github)
    assert card == RENDERED.body
    assert refused.endswith(" -->\nbody")
    assert not refused.startswith(REGIME), "the next card must not be written over it"
    assert (answer.comment_url, answer.summary, answer.reason) == (
        github.written[3].html_url,
        "the full text",
        NO.reason,
    )


def shown(github: FakeGitHub) -> list[str]:
    return [
        one.body.partition("\n")[2] for one in github.written.values() if one.author == BOT and not one.is_minimized
    ]


def asking(github: FakeGitHub, question: Question, *, login: str = "alice") -> Replier:
    """Somebody asks in a comment of their own, and the bot reads the conversation."""
    asked = github.say(7, login, "/promote")
    speaking = Replier(github, settings(), Requester(7, login, f"comment:{asked.id}", "https://x", asked.id))
    speaking.set_question(question)
    speaking.set_comments(github.conversation(7)[1])
    return speaking


def text(words: str) -> Rendered:
    return Rendered(GENERAL, words, f"{GENERAL}\n{words}", words)


PROMOTE, STATUS = Question("promote", "active"), Question("status")


def test_the_older_answer_to_the_same_persons_same_question_is_folded_and_nothing_else(github: FakeGitHub) -> None:
    asking(github, PROMOTE).answer(NO, text("alice's first"))
    asking(github, PROMOTE, login="carol").answer(NO, text("carol's"))
    asking(github, STATUS).answer(DONE, text("status"))
    asking(github, Question("promote", "staging")).answer(NO, text("another stage"))
    copied = github.written[3].body
    github.say(7, "mallory", copied)
    asking(github, PROMOTE, login="Alice").answer(NO, text("alice's second"))
    assert shown(github) == ["carol's", "status", "another stage", "alice's second"]
    assert not any(one.is_minimized for one in github.written.values() if one.author != BOT)


def test_a_card_that_was_asked_for_folds_what_was_refused_before_and_a_refusal_on_it_does_not(
    github: FakeGitHub,
) -> None:
    asking(github, PROMOTE).answer(NO, text("refused"))
    asking(github, PROMOTE).post(NO, RENDERED)
    assert shown(github) == ["refused", "body"]
    asking(github, PROMOTE).post(DONE, RENDERED)
    assert shown(github) == ["body"]


def test_a_line_that_could_not_be_read_is_folded_when_its_word_is_answered(github: FakeGitHub) -> None:
    slip = question_of(InvalidCommand(1, "/promte active", "unknown command", "did you mean"))
    asking(github, slip).answer(NO, text("did you mean"))
    asking(github, STATUS).answer(NO, text("status"))
    assert shown(github) == ["did you mean", "status"]
    asking(github, PROMOTE).answer(NO, text("refused"))
    assert shown(github) == ["status", "refused"]


def test_a_second_run_brings_its_answer_up_to_date_where_it_stands(github: FakeGitHub) -> None:
    first = asking(github, PROMOTE)
    first.answer(NO, text("failed"))
    again = Replier(github, settings(), first._requester)
    again.set_question(PROMOTE)
    again.answer(NO, text("refused"))
    again.answer(NO, text("refused again"))
    assert shown(github) == ["refused again"]
    assert [one.body for one in github.written.values() if one.is_minimized] == []


def test_what_a_first_run_answered_is_folded_when_the_second_one_carries_the_request_out(github: FakeGitHub) -> None:
    first = asking(github, PROMOTE)
    first.answer(NO, text("could not verify"))
    again = Replier(github, settings(), first._requester)
    again.set_question(PROMOTE)
    again.set_comments(github.conversation(7)[1])
    again.post(DONE, RENDERED)
    assert shown(github) == ["body"]


def test_each_older_answer_is_folded_once(github: FakeGitHub) -> None:
    for words in ("one", "two", "three"):
        asking(github, PROMOTE).answer(NO, text(words))
    assert shown(github) == ["three"]
    assert github.calls.count("minimize_comments") == 2
    asking(github, STATUS).answer(NO, text("status"))
    assert github.calls.count("minimize_comments") == 2, "nothing to fold is not asked for"


def test_an_answer_that_cannot_be_folded_changes_nothing(github: FakeGitHub, caplog: pytest.LogCaptureFixture) -> None:
    asking(github, PROMOTE).answer(NO, text("one"))
    github.fail("minimize_comments", "403")
    answer = asking(github, PROMOTE).answer(NO, text("two"))
    assert (answer.outcome, answer.comment_url) == (NO.outcome, github.written[5].html_url)
    assert shown(github) == ["one", "two"]
    assert "an older answer was not folded: 403" in caplog.text


def test_where_comments_cannot_be_read_the_answer_is_written_all_the_same(
    github: FakeGitHub, caplog: pytest.LogCaptureFixture
) -> None:
    replier(github.fail("comments", "502")).answer(NO, text("refused"))
    assert shown(github) == ["refused"]
    assert "the comments could not be read: 502" in caplog.text


@given(
    login=st.text(st.characters(codec="utf-8"), max_size=40),
    words=st.tuples(st.text(max_size=40), st.text(max_size=40)),
    request_id=st.text(max_size=40),
)
def test_no_name_gets_out_of_the_hidden_line(login: str, words: tuple[str, str], request_id: str) -> None:
    made = Question(*words).marker(login, request_id)
    assert re.fullmatch(r"<!-- promotebot:@answer_[0-9a-f]{16}_[0-9a-f]{16} -->", made)


@pytest.mark.parametrize("made", [DONE, NO])
def test_a_comment_that_fails_changes_nothing_about_the_outcome(
    github: FakeGitHub, made: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    answer = replier(github.fail("upsert_comment", "403")).post(made, RENDERED)
    assert (answer.outcome, answer.reason, answer.code) == (made.outcome, made.reason, made.code)
    assert (answer.comment_url, answer.summary) == ("", "the full text"), "the summary says it all the same"
    assert "no comment: 403" in caplog.text


def test_only_a_comment_that_stands_there_is_brought_up_to_date(github: FakeGitHub) -> None:
    nothing = replier(github).update_if_present(DONE, RENDERED)
    assert (ours(github), nothing.comment_url, nothing.summary) == ([], "", "the full text")
    replier(github).post(DONE, RENDERED)
    later = Rendered(REGIME, "title", f"{REGIME}\nlater", "later")
    answer = replier(github).update_if_present(DONE, later)
    assert ours(github) == [later.body]
    assert (answer.comment_url, answer.summary) == (github.written[2].html_url, "later")


def test_a_comment_that_cannot_be_looked_for_is_not_written_a_second_time(
    github: FakeGitHub, caplog: pytest.LogCaptureFixture
) -> None:
    replier(github).post(DONE, RENDERED)
    github.fail("find_comment", "502")
    answer = replier(github).update_if_present(NO, Rendered(REGIME, "", f"{REGIME}\nlater", "later"))
    assert ours(github) == [RENDERED.body]
    assert (answer.reason, answer.comment_url, answer.summary) == (Reason.RULES, "", "later")
    assert "the comment could not be looked for: 502" in caplog.text


def test_a_refusal_is_posted_with_its_reason_and_next_step(github: FakeGitHub) -> None:
    answer = replier(github).refuse(Refusal(Reason.DRAFT, "It is a draft.", "mark it ready"))
    assert (answer.outcome, answer.reason, answer.message, answer.code) == (
        Outcome.REFUSED,
        Reason.DRAFT,
        "It is a draft.",
        1,
    )
    assert ours(github)[0].startswith("<!-- promotebot:@answer_")
    assert "It is a draft." in ours(github)[0]
    assert "mark it ready" in ours(github)[0]
    assert answer.summary.partition("\n")[2] == ours(github)[0].partition("\n")[2]


def test_outputs_may_say_a_refusal_in_other_words_than_the_comment(github: FakeGitHub) -> None:
    answer = replier(github).refuse(Refusal(Reason.REF_CHANGED, "It moved.", "ask again"), message="moved to ccccccc")
    assert answer.message == "moved to ccccccc"
    assert "It moved." in ours(github)[0]
    assert "moved to" not in ours(github)[0]


def test_a_reaction_goes_on_the_comment_that_asked(github: FakeGitHub) -> None:
    replier(github).react("eyes")
    assert github.reactions == [(1, "eyes")]


def test_where_no_comment_asked_no_reaction_is_tried(github: FakeGitHub) -> None:
    replier(github, comment_id=None).react("eyes")
    assert github.calls == []


def test_a_reaction_that_fails_is_logged_and_no_more(github: FakeGitHub, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        replier(github.fail("react", "403")).react("eyes")
    assert "no reaction: 403" in caplog.text


def test_the_verdict_is_a_status_on_the_exact_head_with_the_report_beside_it(github: FakeGitHub) -> None:
    replier(github).check(HEAD, "action_required", "waits", RENDERED)
    [posted] = github.posted
    assert (posted.sha, posted.status.context, posted.status.state) == (HEAD, "promotebot/gate", "pending")
    assert posted.status.description == "waits"
    [check] = github.checks
    assert (check.head_sha, check.name, check.conclusion) == (HEAD, "promotebot", "action_required")
    assert (check.title, check.summary) == ("waits", RENDERED.body)


def test_a_status_that_fails_is_an_error_unlike_a_comment(github: FakeGitHub) -> None:
    with pytest.raises(CouldNotVerify, match="no statuses"):
        replier(github.fail("publish_status", "no statuses")).check(HEAD, "success", "t", RENDERED)
    assert github.checks == [], "no report without a verdict"


def test_a_report_that_cannot_be_put_up_changes_nothing(github: FakeGitHub, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        replier(github.fail("publish_check", "no checks")).check(HEAD, "success", "t", RENDERED)
    assert github.verdicts(HEAD) == ["success"]
    assert "no check run: no checks" in caplog.text
    github.failing.clear()
    github.is_personal = True
    replier(github).check(HEAD, "failure", "t", RENDERED)
    assert github.verdicts(HEAD) == ["success", "failure"]


def test_what_a_comment_says_of_its_place_follows_the_pull_request_and_its_head(github: FakeGitHub) -> None:
    speaking = replier(github)
    assert (speaking.context.head_sha, speaking.context.base_ref) == ("", "")
    speaking.set_pull(pull_request(base_ref="release"), "main")
    assert (speaking.context.head_sha, speaking.context.base_ref) == (HEAD, "release")
    speaking.set_head("d" * 40, ("bob",))
    assert (speaking.context.head_sha, speaking.context.contacts) == ("d" * 40, ("bob",))
    assert speaking.context.base_ref == "release"


@pytest.mark.parametrize(("comment_id", "word"), [(1, "this comment"), (None, "this run")])
def test_a_comment_links_to_what_asked(comment_id: int | None, word: str) -> None:
    context = comment_context(settings(), Requester(7, "alice", "run:42", "https://x", comment_id))
    assert (context.request_word, context.request_url, context.requester) == (word, "https://x", "alice")
    assert context.repo == "acme/models"
    assert context.run_url == "https://github.com/acme/models/actions/runs/42"


def test_a_refusal_where_no_comment_can_be_posted_says_all_in_its_summary() -> None:
    context = comment_context(settings(), Requester(0, "bob", "run:42", ""))
    answer = refusal_answer(Refusal(Reason.WRONG_BASE, "started on a tag", "start it on main"), context)
    assert (answer.outcome, answer.reason, answer.code) == (Outcome.REFUSED, Reason.WRONG_BASE, 1)
    assert answer.message == "started on a tag\nNext: start it on main"
    assert "started on a tag" in answer.summary
    assert "start it on main" in answer.summary
    assert answer.details == {}
    assert refusal_answer(Refusal(Reason.WRONG_BASE, "started on a tag", ""), context).message == "started on a tag"


def test_a_refusal_by_rules_lists_what_they_found_in_outputs_and_summary() -> None:
    context = comment_context(settings(), Requester(0, "bob", "run:42", ""))
    findings = (passed("soak.shadow", "long enough"), error("active.reason", "A reason is missing", remedy="give one"))
    answer = refusal_answer(Refusal(Reason.RULES, "active.reason: missing", "give one", findings), context)
    assert [finding["rule"] for finding in answer.details["findings"]] == ["active.reason"]
    assert "A reason is missing" in answer.summary
