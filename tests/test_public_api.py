"""The public API: every name of `promotebot.__all__` is documented with examples, and they are true."""

from __future__ import annotations

import doctest
import re

import pytest

import promotebot
from promotebot.errors import InvalidInput
from tests.office import ROOT

PAGE = ROOT / "docs/loading.md"


def test_the_examples_of_the_public_api_are_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    options = doctest.IGNORE_EXCEPTION_DETAIL
    done = doctest.testfile(str(PAGE), module_relative=False, optionflags=options, encoding="utf-8")
    assert done.attempted >= 10
    assert done.failed == 0


@pytest.mark.parametrize("name", promotebot.__all__)
def test_every_public_name_is_documented_and_has_an_example(name: str) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Public API\n")[2].partition("\n## ")[0]
    assert re.search(rf"^`promotebot\.{name}\b", section, re.MULTILINE)
    assert re.search(rf"^>>> .*promotebot\.{name}\b", section, re.MULTILINE)
    assert getattr(promotebot, name).__doc__


def test_the_words_of_an_error_are_those_that_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(InvalidInput) as refused:
        promotebot.load("regime_classifier", "staging")
    assert f"promotebot.errors.InvalidInput: {refused.value}\n" in PAGE.read_text(encoding="utf-8")
