"""What is wrong with a policy, in words: the key, its line, what is expected, and what was probably meant."""

from __future__ import annotations

import re

import pytest

from promotebot.errors import InvalidInput
from promotebot.promotion.policy import parse_policy


def problems(text: str) -> list[str]:
    """What the file is refused for."""
    with pytest.raises(InvalidInput) as refused:
        parse_policy(text.encode())
    assert refused.value.where == ".github/promotion.yml"
    return re.split(r"; (?=\$)", refused.value.message)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("basis: []", "$.basis: unknown key; did you mean bases? (line 1)"),
        (
            "stages:\n  active:\n    permision: admin",
            "$.stages.active.permision: unknown key; did you mean permission? (line 3)",
        ),
        (
            "models:\n  eu_*:\n    limits: {fils: 3}",
            '$.models["eu_*"].limits.fils: unknown key; did you mean files? (line 3)',
        ),
        ("limits:\n  zzz: 3", "$.limits.zzz: unknown key; known: "),
        ("terminal:\n- shadow\n- stagng", '"active"; found "stagng"; did you mean staging? (line 3)'),
        ("terminal: shadow", '$.terminal: expected a list, found "shadow" (line 1)'),
        ("\nlimits:\n  files: many", '$.limits.files: expected a number, found "many" (line 3)'),
        ("limits: {files: 0}", "$.limits.files: expected more than 0, found 0 (line 1)"),
        ("separation: {approvals: 9}", "$.separation.approvals: expected 6 at most, found 9 (line 1)"),
        ("separation:\n  approvals: 0", "$.separation.approvals: expected 1 or more, found 0 (line 2)"),
        ("stages:\n  shadow:\n    soak: {}", "$.stages.shadow.soak.minimum: is missing (line 3)"),
        ("require_sha: maybe", '$.require_sha: expected true or false, found "maybe" (line 1)'),
        ("contacts:\n- who: a\n  for: [refusd]", "$.contacts[0].for[0]: expected 'refused', 'mismatch'"),
        ("quarantine: {}", "$.quarantine: expected a list, found an object (line 1)"),
        ("- bases", "$: expected an object, found a list (line 1)"),
    ],
)
def test_each_problem_has_key_line_and_what_is_expected(text: str, says: str) -> None:
    [problem] = problems(text)
    assert says in problem
    assert not re.search(r"Input should|Field required|not permitted|valid tuple", problem)


def test_every_problem_of_a_file_is_told_at_once_each_with_its_line() -> None:
    found = problems("limits:\n  fils: 1\n  fles: 2\nbasis: []\nsignatures:\n  keys:\n  - nam: release\n")
    assert [re.sub(r".*\((line \d+)\)$", r"\1", one) for one in sorted(found)] == [
        "line 4",
        "line 2",
        "line 3",
        "line 7",
        "line 7",
        "line 7",
    ]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("25:00", "'25:00' is not a local time such as 2026-12-18T18:00"),
        ("25:00", 'YAML reads it as the number 1500, so write it in quotes: "25:00" (line 1)'),
        ("2026-12-18", 'YAML reads it as a date, so write it in quotes: "2026-12-18" (line 1)'),
        ("0x10", "'0x10' is not a local time"),
        ("yes", 'YAML reads it as true, so write it in quotes: "yes" (line 1)'),
    ],
)
def test_what_yaml_reads_otherwise_than_it_is_written_is_told_as_it_is_written(value: str, says: str) -> None:
    [problem] = problems(f"freezes: [{{start: {value}, end: 2027-01-01T00:00, reason: x}}]")
    assert says in problem
    assert "datetime" not in problem


def test_a_number_in_the_place_of_a_text_is_told_how_to_be_one() -> None:
    [problem] = problems("bases:\n- 1.10")
    assert problem.endswith('YAML reads it as the number 1.1, so write it in quotes: "1.10" (line 2)')


@pytest.mark.parametrize("text", ["stages: {shadow: {soak: {minimum: 7}}}", 'limits: {files: "25:00"}'])
def test_a_number_that_is_wrong_as_one_and_a_text_in_quotes_need_no_quotes(text: str) -> None:
    [problem] = problems(text)
    assert "YAML" not in problem


def test_a_list_that_is_short_of_a_wrong_entry_is_not_told_to_be_too_short() -> None:
    [problem] = problems("windows: [{hours: 09:00-10:00, stages: [prod]}]")
    assert problem.startswith("$.windows[0].stages[0]: ")
