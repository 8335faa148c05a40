"""What a comment left unsaid: completed from what is there, refused where it is not clear."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.artifact.manifest import Manifest
from promotebot.promotion.infer import IncompleteRequest, InferenceContext, complete
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Source
from promotebot.registry.names import ArtifactPath, ModelName

POINTER = {"artifact_dir": "ml/a", "artifact_id": "a_id", "dataset_id": "d", "git_sha": "5" * 40}


def registry(**models: object) -> ModelRegistry:
    return ModelRegistry.parse(stored_json({"schema_version": "v1", "models": models}))


def completed(
    asked: CommandArguments, known: ModelRegistry, touched: Sequence[str] = (), manifest: Manifest | None = None
) -> Request | IncompleteRequest:
    scene = InferenceContext(known, [ArtifactPath(path) for path in touched], lambda _: manifest)
    return complete(asked, scene, actor=Actor("alice", Source.GITHUB), ref=None, default_reason="#1: title")


def refused(result: Request | IncompleteRequest, *words: str) -> None:
    assert isinstance(result, IncompleteRequest)
    (finding,) = result.findings
    assert all(word in f"{finding.message} {finding.remedy}" for word in words), finding


def test_an_empty_registry_and_no_artifact_say_how_to_begin() -> None:
    refused(completed(CommandArguments(Stage.SHADOW), registry()), "holds no model", "names its model")


def test_the_artifact_that_is_named_says_the_model_before_anything_else() -> None:
    manifest = Manifest.model_validate(
        {
            "schema_version": "v1.1",
            "model_file": "m.onnx",
            "sha256": {"m.onnx": "0" * 64},
            "created_at": "2026-01-01T00:00:00Z",
            "model": "new",
        }
    )
    asked = CommandArguments(Stage.SHADOW, artifact_dir=ArtifactPath("ml/new"))
    for known in (registry(), registry(one={}), registry(one={}, two={})):
        found = completed(asked, known, manifest=manifest)
        assert isinstance(found, Request)
        assert (found.model, found.origins["model"]) == ("new", "artifact of --artifact-dir")
    known = registry(one={"shadow": POINTER}, two={})
    found = completed(CommandArguments(Stage.ACTIVE, artifact_dir=ArtifactPath("ml/a")), known)
    assert isinstance(found, Request)
    assert found.model == "one"


def test_several_models_are_listed_with_a_command_each() -> None:
    refused(
        completed(CommandArguments(Stage.ACTIVE), registry(one={}, two={})),
        "The registry holds one, two",
        "name one: /promote active one or /promote active two",
    )


def test_several_models_that_share_an_artifact_are_listed_by_it() -> None:
    known = registry(one={"shadow": POINTER}, two={"shadow": POINTER}, three={})
    refused(completed(CommandArguments(Stage.ACTIVE), known, ["ml/a"]), "This pull request touches one, two")


def test_no_artifact_anywhere_says_where_one_was_looked_for() -> None:
    refused(
        completed(CommandArguments(Stage.STAGING), registry(one={})),
        "no lower stage holds one",
        "name its directory with --artifact-dir",
    )
    refused(completed(CommandArguments(Stage.SHADOW), registry(one={})), "shadow is the lowest stage")


def test_a_misspelt_model_is_answered_with_the_nearest() -> None:
    asked = CommandArguments(Stage.ACTIVE, model=ModelName("regime"))
    refused(completed(asked, registry(regimes={})), "Unknown model 'regime'", "/promote active regimes")
    refused(completed(asked, registry()), "none yet", "add an artifact")


def test_every_value_is_taken_from_the_nearest_place_and_says_which() -> None:
    result = completed(CommandArguments(Stage.ACTIVE), registry(one={"shadow": POINTER}))
    assert isinstance(result, Request)
    assert (result.model, result.artifact_dir, result.artifact_id, result.dataset_id) == ("one", "ml/a", "a_id", "d")
    assert result.origins == {
        "model": "only model in the registry",
        "artifact_dir": "shadow pointer",
        "artifact_id": "shadow pointer",
        "dataset_id": "shadow pointer",
        "git_sha": "shadow pointer",
        "reason": "pull request title",
    }


def test_what_is_said_is_taken_as_it_is() -> None:
    asked = CommandArguments(
        Stage.ACTIVE,
        model=ModelName("one"),
        artifact_dir=ArtifactPath("ml/b"),
        artifact_id="b",
        dataset_id="said",
        reason="why",
    )
    result = completed(asked, registry(one={"shadow": POINTER}))
    assert isinstance(result, Request)
    assert (result.artifact_dir, result.artifact_id, result.dataset_id, result.reason) == ("ml/b", "b", "said", "why")
    assert result.origins == {}
