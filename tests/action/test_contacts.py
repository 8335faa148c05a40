"""Whom to call is said at every failure, also where the request failed before anything of the branch was read."""

from __future__ import annotations

import pytest

from tests.fake_github.faults import Fault
from tests.office import Office

pytestmark = pytest.mark.thorough

MODEL, CALLED = "regime_classifier", "oncall@example.com"


@pytest.fixture(autouse=True)
def _policy(office: Office) -> None:
    office.policy(f'contacts: ["on-call: {CALLED}"]\n')


@pytest.mark.parametrize(
    ("body", "author"),
    [
        ("/promote nowhere", "alice"),
        ("/rolback", "alice"),
        (f"/rollback {MODEL}", "alice"),
        ("/approve", "alice"),
        ("/promote active", "mallory"),
        ("/promote active nope", "alice"),
        ("/promote shadow --artifact-dir ml/artifacts/nope", "alice"),
        ("/withdraw", "alice"),
        ("/verify", "mallory"),
        ("/hold", "mallory"),
        ("/unhold", "mallory"),
    ],
)
def test_a_refused_comment_says_whom_to_call(office: Office, body: str, author: str) -> None:
    number = office.pull()
    office.ask(number, body, author=author)
    assert CALLED in office.answer(number)


@pytest.mark.parametrize("body", ["/promote active", "/hold", "/rollback", f"/rollback {MODEL} --reason x"])
def test_so_does_one_on_an_issue(office: Office, body: str) -> None:
    number = office.repository.open_issue(author="alice", title="Incident").number
    office.ask(number, body)
    assert CALLED in office.answer(number)


def test_so_do_labels_closed_pull_requests_and_jobs_started_by_hand(office: Office) -> None:
    labelled, closed = office.pull("labelled"), office.pull("closed")
    office.label(labelled, "promote:nope")
    assert CALLED in office.answer(labelled)
    office.repository.close(closed, by="alice")
    office.ask(closed, "/promote active")
    assert CALLED in office.answer(closed)
    assert CALLED in office.dispatch(f"/rollback {MODEL}").summary


def test_so_does_what_could_not_be_read(office: Office) -> None:
    number = office.pull()
    office.hub.faults.append(Fault("GET", "/collaborators/alice/permission", status=500, times=99))
    assert office.ask(number, "/promote active").exit_code == 4
    assert CALLED in office.answer(number)


def test_questions_and_what_is_carried_out_name_nobody(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/status")
    assert CALLED not in office.answer(number)
    office.ask(number, "/promote active")
    assert all(CALLED not in body for body in office.comments(number))
