"""A model that is no ONNX model, at a terminal."""

from __future__ import annotations

import pytest

from promotebot.cli.main import main
from tests.action.test_formats import POLICY
from tests.artifact.weights import LLM, artifact, llama
from tests.fake_github.people import Person

pytestmark = pytest.mark.thorough


FLAGS = ["--model", "llm", "--stage", "shadow", "--artifact-dir", LLM, "--artifact-id", "llm_v1", "--new-model"]


def written(alice: Person, policy: str) -> None:
    """A language model and a policy, committed."""
    for path, content in {**artifact("model.gguf", llama()), ".github/promotion.yml": policy}.items():
        target = alice.clone / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    alice.commit("feat: A language model")


def test_a_terminal_says_first_that_a_model_is_not_opened(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    written(alice, POLICY)
    assert main(["promote", *FLAGS]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"warning artifact.opaque: Not opened: {LLM}/model.gguf is a GGUF file.")


@pytest.mark.parametrize(("models", "code"), [("llm*: {formats: [onnx, opaque]}", 0), ("ll: {formats: [onnx]}", 1)])
def test_verify_goes_by_what_the_policy_says_of_the_model(
    alice: Person, models: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    written(alice, POLICY)
    assert main(["promote", *FLAGS]) == 0
    written(alice, f"models: {{{models}}}")
    capsys.readouterr()
    assert main(["verify", "--model", "llm"]) == code
    assert ("the policy allows ONNX models only" in "".join(capsys.readouterr())) == (code == 1)


@pytest.mark.parametrize(("pattern", "code"), [("llm*", 0), ("ll", 1)])
def test_check_goes_by_the_model_that_the_manifest_names(
    alice: Person, pattern: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    written(alice, f"models: {{{pattern}: {{formats: [onnx, opaque]}}}}")
    assert main(["check", LLM]) == code
    assert ("artifact.opaque" in capsys.readouterr().out) == (code == 0)
