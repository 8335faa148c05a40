"""Somebody who works in a clone, for every command."""

from __future__ import annotations

import pytest

from tests.fake_github.people import Person
from tests.office import Office


@pytest.fixture
def alice(office: Office, monkeypatch: pytest.MonkeyPatch) -> Person:
    """A clone to work in, entered, with an actor."""
    alice = office.person("alice")
    monkeypatch.chdir(alice.clone)
    monkeypatch.setenv("ML_PROMOTION_ACTOR", "alice@example.com")
    monkeypatch.delenv("GITHUB_EVENT_NAME", raising=False)
    return alice
