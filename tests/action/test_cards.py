"""Cards on the embedded GitHub: each step of a pull request's life is in them, and nothing of it is lost on the way."""

from __future__ import annotations

from promotebot.github.checks import GATE
from tests.cli.test_registry import ANY, OTHER, with_other_model
from tests.office import Office

MODEL = "regime_classifier"


def card(office: Office, number: int, model: str = MODEL) -> str:
    """The one card of a model."""
    [body] = [body for body in office.comments(number) if body.startswith(f"<!-- promotebot:{model} -->")]
    return body


def heading(office: Office, number: int, model: str = MODEL) -> str:
    return card(office, number, model).splitlines()[1].removeprefix("### ").replace("&#58;", ":")


def test_a_card_follows_its_pull_request_from_the_request_to_the_merge(office: Office) -> None:
    office.policy("separation: {approvals: 1}\n")
    number = office.pull()
    assert office.ask(number, "/promote active --reason 'Shadow went well'").succeeded
    head = office.head(number)
    assert heading(office, number).endswith(f"→ ACTIVE · waiting for 1 more approval of {head[:7]}")
    assert "| Approved by | `nobody yet (at " in office.reports(head)[-1].output["summary"]
    office.repository.review(number, by="carol")
    assert office.gate(number, "edited").succeeded
    assert heading(office, number).endswith("→ ACTIVE · ready for review")
    assert f"**Approvals:** {head[:7]} is approved by carol" in card(office, number)
    assert "| Approved by | `carol (at " in office.reports(head)[-1].output["summary"]
    office.merge(number)
    assert "→ ACTIVE · merged by bob in " in heading(office, number)
    for kept in ("Shadow went well", "ACTIVE moved from `regime_v1_prod`", "Registry diff", "To roll back", "Timeline"):
        assert kept in card(office, number), kept


def test_a_card_keeps_what_it_says_when_the_base_moves(office: Office) -> None:
    one, two = office.pull("one"), office.pull("two")
    office.ask(one, "/promote staging")
    office.ask(two, "/promote active --reason 'It is better'")
    office.repository.merge(one, by="bob")
    assert office.pushed(one).succeeded
    told = card(office, two)
    assert "**Updated for the new `main`.**" in told
    for kept in ("It is better", "`alice` in [this comment]", "| dataset |", "Registry diff", "soak.shadow", "--sha"):
        assert kept in told, kept
    assert heading(office, two).endswith("· ready for review")


def test_two_models_in_one_comment_have_a_card_each(office: Office) -> None:
    person = office.person("alice")
    with_other_model(person)
    person.git("push", "--quiet", "origin", "HEAD:main")
    number = office.pull()
    body = f"/promote active {MODEL}\n/promote staging {OTHER} --artifact-dir {ANY}"
    assert office.ask(number, body).succeeded
    assert heading(office, number).endswith("→ ACTIVE · ready for review")
    assert heading(office, number, OTHER).endswith("→ STAGING · ready for review")
    assert "contains 2 promotions; merging applies all of them" in card(office, number, OTHER)
    assert office.ask(number, f"/withdraw {OTHER}").succeeded
    assert heading(office, number, OTHER) == f"↩️ `{OTHER}` · withdrawn"
    assert "contains 2 promotions" not in card(office, number)


def test_two_pull_requests_on_one_commit_are_both_blocked_until_one_is_closed(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    assert heading(office, number).endswith("· ready for review")
    office.repository.git.run("update-ref", "refs/heads/twin", office.head(number))
    twin = office.repository.open_pull(author="bob", head="twin", title="Twin").number
    office.gate(twin, "opened")
    assert heading(office, number).endswith(
        f"#\u2060{twin} is on the same commit, which has one required status for both"
    )
    assert "close one of the two pull requests, or push another commit to one of them" in card(office, number)
    assert "· blocked: " in heading(office, twin)
    office.repository.close(twin, by="bob")
    closed = office.repository.pull_request_event(twin, action="closed", sender="bob")
    office.event("pull_request_target", closed, PROMOTEBOT_COMMAND="gate")
    assert heading(office, number).endswith("· ready for review")
    posted = [one for one in office.repository.statuses if (one.sha, one.context) == (office.head(number), GATE)]
    assert posted[-1].state == "success"


def test_a_card_turns_blocked_with_the_gate_and_is_closed_with_the_pull_request(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    office.push(
        "alice",
        "evaluation",
        {"ml/artifacts/regime_v2/model.onnx": "junk", "ml/evaluations/evaluation.json": "{}\n"},
        "feat: Other bytes",
        force=True,
    )
    office.gate(number)
    assert heading(office, number).endswith("· withdrawn")
    assert office.ask(number, "/promote staging").outputs["decision"] == "refused"
    assert heading(office, number).endswith("· withdrawn")
    office.repository.close(number, by="alice")
    payload = office.repository.pull_request_event(number, action="closed", sender="alice")
    office.event("pull_request_target", payload, PROMOTEBOT_COMMAND="gate")
    assert heading(office, number).endswith("· closed without a merge")


def test_a_promotion_that_a_new_policy_refuses_is_blocked_on_its_card(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    before = str(office.repository.git.branch("main"))
    office.policy("freezes: [{start: 2020-01-01T00:00, end: 2040-01-01T00:00, reason: audit}]\n")
    assert office.event("push", office.repository.push_event("main", before=before, sender="bob"), by="bob").succeeded
    assert "→ ACTIVE · blocked: " in heading(office, number)
    assert "`regime_v2_candidate`" in card(office, number)
    assert office.checks(office.head(number))[-1] == "failure"
