"""An artifact's directory holds no other that a pointer names, and lies in none."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import pytest

from promotebot.findings import Severity
from promotebot.promotion.plan import Plan, Rejected
from promotebot.promotion.rules.context import Facts
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action
from promotebot.registry.names import ArtifactPath, ModelName
from tests.promotion.test_plan import EMPTY, MODEL, asked, decide, evidence

OTHER = ModelName("other")


def promoted(
    registry: ModelRegistry, name: str, stage: Stage = Stage.SHADOW, model: ModelName = OTHER
) -> ModelRegistry:
    proof = evidence(name)
    decision = decide(registry, asked(stage, proof, model=model, artifact_id=name.replace("/", "_")), proof)
    assert isinstance(decision, Plan)
    return decision.after


def nested(registry: ModelRegistry, place: str, *listed: str, facts: Facts | None = None) -> list[str]:
    """What the rule says of a promotion of `place`, whose manifest lists these files, too."""
    files = dict.fromkeys(("m.onnx", *listed), "1" * 64)
    proof = evidence(sha256=files)
    proof = type(proof)(ArtifactPath(place), "commit", proof.manifest, proof.digest)
    decision = decide(registry, asked(Stage.SHADOW, proof, artifact_id="x"), proof, facts=facts)
    said = [finding for finding in decision.findings if finding.rule == "artifact.nested"]
    assert bool(said) is isinstance(decision, Rejected)
    assert all(finding.remedy and finding.severity is Severity.ERROR for finding in said)
    return [finding.message for finding in said]


def test_a_directory_that_holds_others_which_pointers_name_is_refused() -> None:
    registry = promoted(promoted(EMPTY, "v1"), "v2", model=ModelName("third"))
    assert nested(registry, "ml/artifacts") == ["ml/artifacts holds ml/artifacts/v1 and 1 more, which a pointer names."]
    assert nested(registry, "ml") == ["ml holds ml/artifacts/v1 and 1 more, which a pointer names."]


def test_a_directory_inside_of_one_that_a_pointer_names_is_refused() -> None:
    assert nested(promoted(EMPTY, "v1"), "ml/artifacts/v1/inner") == [
        "ml/artifacts/v1/inner lies in ml/artifacts/v1, which a pointer names."
    ]


def test_the_dataset_of_what_is_active_counts() -> None:
    pointer = {"artifact_dir": "ml/artifacts/v1", "artifact_id": "v1", "dataset_id": "d1"}
    registry = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {"old": {"active": pointer}}}))
    assert nested(registry, "ml/datasets") == ["ml/datasets holds ml/datasets/d1, which a pointer names."]


@pytest.mark.parametrize("place", ["ml/artifacts/v1", "ml/artifacts/v10", "ml/artifacts/v", "ml/artifact"])
def test_the_directory_itself_and_its_neighbours_pass(place: str) -> None:
    assert nested(promoted(EMPTY, "v1"), place) == []


def test_going_back_to_one_that_an_older_version_let_through_is_a_warning() -> None:
    pointer = {"artifact_dir": "ml/artifacts", "artifact_id": "all"}
    document = {"schema_version": "v1", "models": {"blocker": {"shadow": pointer}}}
    proof = evidence("v1")
    request = asked(Stage.ACTIVE, proof, action=Action.ROLLBACK)
    decision = decide(ModelRegistry.parse(stored_json(document)), request, proof)
    [said] = [finding for finding in decision.findings if finding.rule == "artifact.nested"]
    assert said.severity is Severity.WARNING


class Files:
    """`models/` of the split layout, which remembers what was read of it."""

    def __init__(self, registry: ModelRegistry) -> None:
        self.content = {f"{name}.json": stored_json(registry.raw_entry(name)) for name in registry}
        self.seen: list[str] = []

    def names(self) -> Mapping[str, str | None]:
        return {name: sha256(data).hexdigest() for name, data in self.content.items()}

    def read(self, file_name: str) -> bytes:
        self.seen.append(file_name)
        return self.content[file_name]


@pytest.mark.parametrize(
    ("place", "listed", "facts", "refused"),
    [
        ("ml/artifacts", ["v1/manifest.json"], Facts(artifact_changed=False), True),
        ("ml/artifacts", [], Facts(artifact_changed=True), True),
        ("ml/artifacts/v2", ["a.json"], Facts(artifact_changed=False), False),
    ],
)
def test_in_the_split_layout_other_models_are_read_only_where_they_could_be_concerned(
    place: str, listed: list[str], facts: Facts, refused: bool
) -> None:
    files = Files(promoted(promoted(EMPTY, "v1"), "v3", model=MODEL))
    registry = ModelRegistry.parse(stored_json({"schema_version": "v1", "layout": "split"}), files=files)
    assert bool(nested(registry, place, *listed, facts=facts)) is refused
    assert ("other.json" in files.seen) is refused
