"""A model that is no ONNX model: refused by default, and told first where the base's policy lets it go on."""

from __future__ import annotations

import pickle

from promotebot import load
from tests.artifact.weights import ASK, LLM, artifact, llama
from tests.office import Office

POLICY = "formats: [onnx, opaque]\n"


def test_a_gguf_file_is_refused_with_the_line_of_the_policy_whatever_the_pull_request_says(office: Office) -> None:
    files = {**artifact("model.gguf", llama()), ".github/promotion.yml": POLICY}
    number = office.pull(files=files)
    assert office.ask(number, ASK).outputs["decision"] == "refused"
    answer = office.answer(number)
    assert f"{LLM}/model.gguf` is a GGUF file, and the policy allows ONNX models only" in answer
    assert "formats: [onnx, opaque]" in answer


def test_a_gguf_file_goes_on_unopened_and_card_and_check_say_so_first(office: Office) -> None:
    office.policy(POLICY)
    number = office.pull(files=artifact("model.gguf", llama()))
    job = office.ask(number, ASK)
    assert job.outputs["decision"] == "promoted", office.comments(number)
    first = "**Not opened: a GGUF file. Nothing of this model was run.** Production does not change"
    assert office.comment(number).splitlines()[3].startswith(first)
    assert "| model | not opened" in office.comment(number).replace("*", "")
    assert "architecture llama" in office.comment(number)
    report = office.reports(office.head(number))[-1]
    assert report.output["title"].startswith("not opened: llm SHADOW → llm_v1 (")
    office.merge(number)
    assert load("llm", "shadow", base_dir=office.person("alice").clone).model_path.read_bytes() == llama()


def test_the_policy_may_allow_it_for_some_models_alone(office: Office) -> None:
    office.policy("models: {llm*: {formats: [onnx, opaque]}}\n")
    number = office.pull("for-another", files=artifact("model.gguf", llama()))
    other = ASK.replace("shadow llm", "shadow scorer")
    assert other != ASK
    assert office.ask(number, other).outputs["decision"] == "refused"
    assert "is a GGUF file, and the policy allows ONNX models only" in office.answer(number)
    assert office.ask(number, ASK).outputs["decision"] == "promoted", office.comments(number)
    assert office.checks(office.head(number))[-1] == "success"
    assert "**Not opened: a GGUF file. Nothing of this model was run.**" in "".join(office.comments(number))


def test_a_pickle_as_a_model_needs_both_lines(office: Office) -> None:
    office.policy(POLICY)
    number = office.pull(files=artifact("model.joblib", pickle.dumps({"weights": [1]}, protocol=0)))
    assert office.ask(number, ASK).outputs["decision"] == "refused"
    assert "limits.may_hold: [pickles]" in office.answer(number)
    office.policy(f"{POLICY}limits: {{may_hold: [pickles]}}\n")
    assert office.ask(number, ASK).outputs["decision"] == "promoted"
    card = next(body for body in office.comments(number) if body.startswith("<!-- promotebot:llm -->"))
    assert "**Not opened: a pickle, code that runs when it is loaded. Nothing of this model was run.**" in card
