"""The policy's evaluation set through the whole bot: read from the base, measured, shown, refused, so at every door."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.artifact.evaluation_sets import npy, write_set
from tests.demo.story import promote
from tests.fake_github.people import Job
from tests.office import Office

pytestmark = pytest.mark.thorough

ASK = "/promote active"
DATASET = "eval_2026_q3"
POLICY = f"evaluation_set: {{dataset: {DATASET}, rows: 40, metrics: {{METRICS}}}}\n"


def files(scratch: Path, *, first: int = 0, others: dict[str, bytes] | None = None) -> dict[str, str | bytes | None]:
    """A dataset of fifty rows of the sample's features; all of them are of class `first`."""
    rows = np.random.default_rng(7).normal(size=(50, 15)).astype("float32")
    data = {"input.npy": npy(rows), "labels.npy": npy(np.full(50, first)), **(others or {})}
    place = write_set(scratch / f"set{first}{len(others or {})}", DATASET, data)
    root = place.parents[2]
    return {str(path.relative_to(root)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def prepared(office: Office, metrics: str = "", **options: Any) -> None:
    office.push("bob", "main", files(office.scratch, **options), "feat(ml): Evaluation set")
    office.policy(POLICY.replace("METRICS", metrics))


def cells(said: str, metric: str) -> list[str]:
    """The row of a metric in a card, cell by cell."""
    (line,) = [line for line in said.splitlines() if line.startswith(f"| `{metric}`")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def asked(office: Office, number: int) -> Job:
    return office.ask(number, ASK)


def test_the_card_shows_both_models_on_the_data_of_the_base_without_any_threshold(office: Office) -> None:
    prepared(office)
    number = office.pull()
    assert asked(office, number).outputs["decision"] == "promoted"
    card = office.comment(number)
    words = f"**Computed by promotebot** on the evaluation set `{DATASET}` of the base, the first 40 of 50 rows, beside"
    assert f"{words} ACTIVE (`ml/artifacts/regime_v1`):" in card
    _, active, candidate, difference, *rest = cells(card, "accuracy")
    assert rest == ["—", "—"]
    assert float(candidate) - float(active) == pytest.approx(float(difference), abs=1e-5)
    assert cells(card, "log_loss")[2] != "—"
    assert "of 40 |" in card  # the outputs beside those of ACTIVE
    assert office.checks(office.head(number))[-1] == "success"


def test_a_model_that_does_not_reach_a_threshold_is_refused_at_every_door(office: Office) -> None:
    prepared(office, "accuracy: {minimum: 0.99}")
    number = office.pull()
    assert asked(office, number).outputs["decision"] == "refused"
    said = office.answer(number)
    assert "at least 0.99" in said
    assert "missed by" in said
    assert cells(said, "accuracy")[5].startswith("❌ -0.")
    by_hand = promoted_by_hand(office)
    office.gate(by_hand)
    assert office.checks(office.head(by_hand))[-1] == "failure"
    assert "evaluation.metric" in office.comment(by_hand)


def promoted_by_hand(office: Office) -> int:
    """A pull request with an event that a terminal made before the policy asked for anything."""
    alice = office.person("alice")
    alice.start_branch("by-hand")
    (alice.clone / ".github/promotion.yml").unlink()
    alice.commit("chore: No policy here")
    manifest = json.loads((alice.clone / "ml/artifacts/regime_v2/manifest.json").read_bytes())
    stage = ("--model", "regime_classifier", "--stage", "active", "--artifact-dir", "ml/artifacts/regime_v2")
    promote(alice, *stage, "--artifact-id", "v2", "--git-sha", manifest["git_sha"])
    alice.push()
    return office.repository.open_pull(author="alice", head="by-hand", title="By hand").number


def test_a_pull_request_cannot_choose_the_data_by_which_it_is_judged(office: Office) -> None:
    prepared(office, "accuracy: {minimum: 0.99}")
    kinder = {str(name): data for name, data in files(office.scratch, first=1).items() if data is not None}
    number = office.pull(files=kinder)
    assert asked(office, number).outputs["decision"] == "refused"
    assert cells(office.answer(number), "accuracy")[5].startswith("❌")


def test_when_the_base_gets_other_data_the_gate_measures_again(office: Office) -> None:
    prepared(office)
    number = office.pull()
    assert asked(office, number).succeeded
    before = cells(office.comment(number), "accuracy")
    office.push("bob", "main", files(office.scratch, first=1), "feat(ml): Other labels")
    office.gate(number)
    assert cells(office.comment(number), "accuracy") != before


def test_data_that_cannot_be_used_is_said_and_refuses_where_anything_is_asked(office: Office) -> None:
    prepared(office, others={"labels.npy": npy(np.array([{"a": 1}] * 50, dtype=object))})
    number = office.pull()
    assert asked(office, number).outputs["decision"] == "promoted"
    said = office.comment(number)
    assert f"**Not measured** on the evaluation set `{DATASET}`: " in said
    assert "its values are object" in said
    office.policy(POLICY.replace("METRICS", "accuracy: {minimum: 0}"))
    second = office.pull("second")
    assert asked(office, second).outputs["decision"] == "refused"
    assert "its values are object" in office.answer(second)


def test_data_in_git_lfs_is_fetched_and_what_its_server_does_not_have_is_never_measured(office: Office) -> None:
    data = {str(name): content for name, content in files(office.scratch).items() if isinstance(content, bytes)}
    large = {name: office.hub.lfs.add("acme/models", content) for name, content in data.items() if "npy" in name}
    office.push("bob", "main", {**data, **large}, "feat(ml): Evaluation set")
    office.policy(POLICY.replace("METRICS", "accuracy: {minimum: 0}"))
    (labels,) = (content for name, content in data.items() if name.endswith("labels.npy"))
    office.hub.lfs.path("acme/models", hashlib.sha256(labels).hexdigest()).unlink()
    number = office.pull()
    assert asked(office, number).outputs["decision"] == "refused"
    assert f"Not measured on {DATASET}: " in office.answer(number).replace("`", "")
    office.hub.lfs.add("acme/models", labels)
    job = asked(office, number)
    assert job.outputs["decision"] == "promoted", (job.log, office.comments(number))
    assert cells(office.comment(number), "accuracy")[1] != "—"


def test_a_dataset_that_is_not_there_is_said(office: Office) -> None:
    office.policy(POLICY.replace("METRICS", "accuracy: {minimum: 0}"))
    number = office.pull()
    assert asked(office, number).outputs["decision"] == "refused"
    assert f"Not measured on {DATASET}: the base has no ml/datasets/{DATASET}" in office.answer(number).replace("`", "")


def test_the_way_back_is_open_whatever_is_asked(office: Office) -> None:
    prepared(office)
    number = office.pull()
    assert asked(office, number).succeeded
    office.merge(number)
    office.policy(POLICY.replace("METRICS", "accuracy: {minimum: 1}"))
    job = office.ask(office.pull("back"), '/rollback regime_classifier --reason "worse"')
    assert job.outputs["decision"] == "promoted", job.log
