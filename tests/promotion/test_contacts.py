"""Whom a policy names for which failure."""

from __future__ import annotations

import pytest

from promotebot.errors import InvalidInput
from promotebot.promotion.contacts import Contact, Purpose, contacts_for
from promotebot.promotion.policy import parse_policy

POLICY = b"""contacts:
  - ml-team@example.com
  - {who: oncall@example.com, for: [mismatch, rollback, schedule]}
  - {who: lead@example.com, for: [refused]}
  - {who: everybody@example.com}
"""


@pytest.mark.parametrize(
    ("purposes", "named"),
    [
        ((Purpose.REFUSED,), ["ml-team", "lead", "everybody"]),
        ((Purpose.MISMATCH,), ["ml-team", "oncall", "everybody"]),
        ((Purpose.REFUSED, Purpose.ROLLBACK), ["ml-team", "oncall", "lead", "everybody"]),
        ((), ["ml-team"]),
    ],
)
def test_a_text_is_named_every_time_and_a_role_for_its_purposes(
    purposes: tuple[Purpose, ...], named: list[str]
) -> None:
    contacts = parse_policy(POLICY).contacts
    assert [who.partition("@")[0] for who in contacts_for(contacts, *purposes)] == named


def test_nobody_is_named_twice() -> None:
    contacts = ("a", Contact.model_validate({"who": "a", "for": ["refused"]}), "b")
    assert contacts_for(contacts, Purpose.REFUSED) == ("a", "b")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"contacts: [{who: a, for: [everything]}]", "for"),
        (b"contacts: [{who: a, for: []}]", "for"),
        (b"contacts: [{for: [refused]}]", "who"),
        (b"contacts: [{who: a, when: night}]", "when"),
    ],
)
def test_a_contact_that_does_not_read_is_named_with_its_key(text: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        parse_policy(text)


def test_the_policy_is_shown_as_it_is_written() -> None:
    written = parse_policy(POLICY).model_dump(mode="json")["contacts"]
    assert written[1] == {"who": "oncall@example.com", "for": ["mismatch", "rollback", "schedule"]}
    assert parse_policy(POLICY).digest != parse_policy(b"").digest
