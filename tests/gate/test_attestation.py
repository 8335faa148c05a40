"""The words that attest an event: they name one model, however long its name is."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from promotebot.gate.attestation import Attestation, described, description_of
from promotebot.github.checks import MAX_DESCRIPTION
from promotebot.promotion.plan import Plan
from promotebot.promotion.replay import Step
from promotebot.registry.model import RequestRef
from promotebot.registry.names import GitSha, ModelName, Stage
from tests.promotion.test_plan import EMPTY, V1, asked, decide

SHA = GitSha("5" * 40)
REF = RequestRef(repo="acme/models", pull=123_456, id="comment:12345678901234#12", login="alice", head_sha=SHA)
DECIDED = decide(EMPTY, asked(Stage.SHADOW, V1), V1)
BEGIN, END = st.sampled_from(["regime_" * 17, "a" * 60, "m"]), st.text("ab", max_size=9)


def attestation(model: str) -> Attestation:
    assert isinstance(DECIDED, Plan)
    step = Step(ModelName(model), DECIDED.event, DECIDED.before, DECIDED.digest)
    words = description_of(step, REF)
    assert len(words) <= MAX_DESCRIPTION
    return Attestation(SHA, "promotebot/event/1", True, REF.id, words.removeprefix(described(REF)))


@given(BEGIN, END, END)
def test_no_two_models_are_attested_in_the_same_words(begin: str, one: str, other: str) -> None:
    assume(one != other)
    mine, theirs = attestation(begin + one), attestation(begin + other)
    assert mine.what != theirs.what
    assert (mine.is_of(begin + one), mine.is_of(begin + other)) == (True, False)
    assert mine.stage is Stage.SHADOW
