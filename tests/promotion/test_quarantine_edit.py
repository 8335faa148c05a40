"""An entry more in the policy's file: everything else in it stays as it was written, or nothing is changed."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.quarantine import MAX_ENTRIES, Quarantined
from promotebot.errors import InvalidInput
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.quarantine_edit import entry_line, with_entry
from promotebot.registry.names import is_text

NEW = Quarantined(digest=f"sha256:{'1' * 64}", reason='trained on "test" data: #7')
OLD = f"{{digest: sha256:{'2' * 64}, reason: wrong labels}}"
LINE = entry_line(NEW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, f"quarantine:\n  {LINE}\n"),
        ("", f"quarantine:\n  {LINE}\n"),
        ("# nothing yet", f"# nothing yet\nquarantine:\n  {LINE}\n"),
        ("drafts: true\n", f"drafts: true\nquarantine:\n  {LINE}\n"),
        ("drafts: true\n# the end\n", f"drafts: true\n# the end\nquarantine:\n  {LINE}\n"),
        ("drafts: true\r\n", f"drafts: true\r\nquarantine:\r\n  {LINE}\r\n"),
        ("quarantine: []", f"quarantine:\n  {LINE}\n"),
        ("quarantine: []  # none\ndrafts: true\n", f"quarantine:  # none\n  {LINE}\ndrafts: true\n"),
        ("quarantine: [ ]   \ndrafts: true\n", f"quarantine:\n  {LINE}\ndrafts: true\n"),
        ("quarantine: [\n]\ndrafts: true\n", f"quarantine:\n  {LINE}\ndrafts: true\n"),
        (f"quarantine: [{OLD}]  # one\n", f"quarantine: [{OLD}, {LINE[2:]}]  # one\n"),
        (f"quarantine: [{OLD}, # one\n]\n", f"quarantine: [{OLD}, {LINE[2:]}, # one\n]\n"),
        (f"quarantine:\n- {OLD}\n", f"quarantine:\n- {OLD}\n{LINE}\n"),
        (f"quarantine:\n- {OLD}", f"quarantine:\n- {OLD}\n{LINE}\n"),
        (
            f"quarantine:\n    # first\n    - {OLD}  # one\n\n# of drafts\ndrafts: true\n",
            f"quarantine:\n    # first\n    - {OLD}  # one\n    {LINE}\n\n# of drafts\ndrafts: true\n",
        ),
        (
            f"quarantine:\n  - digest: sha256:{'2' * 64}\n    reason: wrong\n      labels # why\n\ndrafts: true\n",
            f"quarantine:\n  - digest: sha256:{'2' * 64}\n    reason: wrong\n      labels # why\n"
            f"  {LINE}\n\ndrafts: true\n",
        ),
        (
            f"quarantine:\n  - digest: sha256:{'2' * 64}\n    reason: |\n      wrong labels\ndrafts: true\n",
            f"quarantine:\n  - digest: sha256:{'2' * 64}\n    reason: |\n      wrong labels\n  {LINE}\ndrafts: true\n",
        ),
        ("{quarantine: [], drafts: true}\n", f"{{quarantine: [{LINE[2:]}], drafts: true}}\n"),
        (f'"quar\\x61ntine": [{OLD}]\n', f'"quar\\x61ntine": [{OLD}, {LINE[2:]}]\n'),
        ("\ufeffdrafts: true\nquarantine: []\n", f"\ufeffdrafts: true\nquarantine:\n  {LINE}\n"),
        ("  drafts: true\n  quarantine: []\n", f"  drafts: true\n  quarantine:\n    {LINE}\n"),
    ],
)
def test_the_entry_stands_last_and_every_other_byte_is_the_same(before: str | None, after: str) -> None:
    data = None if before is None else before.encode()
    assert with_entry(data, NEW).decode() == after
    was, now = parse_policy(data), parse_policy(after.encode())
    assert now.quarantine == (*was.quarantine, NEW)
    assert now.model_dump(exclude={"quarantine"}) == was.model_dump(exclude={"quarantine"})


@pytest.mark.parametrize(
    "before",
    [
        "{drafts: true}\n",
        "  drafts: true\n",
        "drafts: true\n...\n",
        f"quarantine: !!seq\n  - {OLD}\n...\n{'#' * 65_300}\n",
        "quarantine:\n" + "".join(f"- {OLD}\n" for _ in range(MAX_ENTRIES)),
    ],
)
def test_where_it_cannot_be_put_safely_the_line_to_add_is_said(before: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        with_entry(before.encode(), NEW)
    assert LINE in problem.value.remedy


def test_what_would_mean_something_else_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promotebot.promotion.quarantine_edit._inserted", lambda text, _: text)
    with pytest.raises(InvalidInput, match="would not say the same") as problem:
        with_entry(b"drafts: true\n", NEW)
    assert LINE in problem.value.remedy


@pytest.mark.parametrize(
    "before", ["quarantine:\n", "quarantine: {}\n", "[]\n", "unknown: 1\n", "a: [\n", "---\n---\n"]
)
def test_a_policy_that_does_not_read_stays_as_it_is(before: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        with_entry(before.encode(), NEW)
    assert "the entry could not be added" not in problem.value.message


PIECES = [
    "# of the whole\n",
    "require_sha: true  # always\n",
    "stages:\n  active: {permission: admin}\n",
    "models:\n  eu_*:\n    require_reason: true\n",
    "contacts: ['#ml', {who: bob, for: [refused]}]\n",
    "\n\n",
]
LISTS = [
    "",
    "quarantine: []\n",
    f"quarantine: [{OLD}]\n",
    f"quarantine:\n  # why\n  - {OLD} # one\n",
    f"quarantine:\n- reason: >-\n    a\n    b\n  digest: sha256:{'3' * 64}\n",
]
ORDERS = [(*some,) for count in range(4) for some in combinations(range(len(PIECES)), count)]
REASONS = st.text(st.characters(codec="utf-8").filter(is_text), min_size=1, max_size=40)


@given(st.sampled_from(ORDERS), st.sampled_from(LISTS), st.integers(0, 3), REASONS, st.booleans())
def test_any_policy_keeps_its_lines_and_means_the_same_but_for_the_entry(
    order: tuple[int, ...], entries: str, place: int, reason: str, windows: bool
) -> None:
    parts = [PIECES[one] for one in order]
    before = "".join([*parts[:place], entries, *parts[place:]])
    before = before.replace("\n", "\r\n") if windows else before
    entry = Quarantined(digest=f"sha256:{'9' * 64}", reason=reason)
    was = parse_policy(before.encode())
    try:
        after = with_entry(before.encode(), entry).decode()
    except InvalidInput as problem:
        assert entry_line(entry) in problem.remedy  # noqa: PT017 - characters that YAML does not take
        return
    now: Policy = parse_policy(after.encode())
    assert now.quarantine == (*was.quarantine, entry)
    assert now.model_dump(exclude={"quarantine"}) == was.model_dump(exclude={"quarantine"})
    kept = iter(after.splitlines())
    lines = [line.removesuffix(" []") for line in before.splitlines()]
    assert all(any(line in other for other in kept) for line in lines if not line.startswith("quarantine: [{"))
