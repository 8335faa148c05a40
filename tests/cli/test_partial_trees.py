"""Work trees that do not hold everything that git has: said so, with the command that fetches it."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import Terms
from promotebot.artifact.source import FileSource
from promotebot.errors import InvalidInput
from promotebot.git.checkout import Checkout
from promotebot.planning.examiner import Examiner
from promotebot.planning.worktree import WorkTreePaths, promote_here
from promotebot.promotion.policy import DEFAULT_PATH as POLICY_PATH
from promotebot.promotion.request import Actor, Request
from promotebot.registry.model import Source as Door
from promotebot.registry.names import ArtifactPath, Stage, parse_artifact_path, parse_model_name
from tests.cli.desk import PROMOTE, Desk
from tests.demo.story import REGISTRY
from tests.office import Office

pytestmark = pytest.mark.thorough

V1, V2 = "ml/artifacts/regime_v1", "ml/artifacts/regime_v2"


@pytest.fixture
def desk(office: Office) -> Desk:
    alice = office.person("alice")
    return Desk(alice, alice.clone / REGISTRY)


def test_an_artifact_outside_a_sparse_checkout_is_fetched_by_the_command_that_is_named(desk: Desk) -> None:
    desk.person.git("sparse-checkout", "set", "ml/registry", V1)
    refused = desk.run(PROMOTE)
    assert refused.returncode == 1
    assert f"Artifact directory not found: {V2} (git has it, but this sparse checkout leaves it out)" in refused.stderr
    command = f"git sparse-checkout add {V2}"
    assert command in refused.stderr
    desk.person.git(*command.split()[1:])
    done = desk.run(PROMOTE)
    assert done.returncode == 0, done.stderr


def test_one_file_outside_a_sparse_checkout_is_named(desk: Desk) -> None:
    desk.person.git("sparse-checkout", "set", "--no-cone", "/*", f"!/{V2}/model.onnx")
    refused = desk.run(PROMOTE)
    assert refused.returncode == 1
    assert (
        f"{V2}/model.onnx is listed in the manifest; git has it, but this sparse checkout leaves it out"
        in refused.stderr
    )


@pytest.mark.parametrize(
    ("layout", "arguments"), [("single", ("verify",)), ("split", PROMOTE), ("split", ("registry", "join"))]
)
def test_a_registry_outside_a_sparse_checkout_is_not_taken_for_an_empty_one(
    desk: Desk, layout: str, arguments: tuple[str, ...]
) -> None:
    if layout == "split":
        assert desk.run(["registry", "split"]).returncode == 0
        desk.person.commit("chore: One file for each model")
    desk.person.git("sparse-checkout", "set", "--no-cone", "/*", "!/ml/registry/*.json", "!/ml/registry/models/*")
    done = desk.run(arguments)
    assert (done.returncode, done.stdout) == (4, "")
    assert "but this sparse checkout leaves it out" in done.stderr
    assert "Next: add the directory, then run the command again: git sparse-checkout add ml/registry\n" in done.stderr


def test_an_artifact_that_changes_after_it_was_examined_is_not_promoted(desk: Desk) -> None:
    """Opening a model may take minutes; what is written vouches for the bytes that stand there then."""
    examiner, before = Examiner(), desk.path.read_bytes()

    def examine(files: FileSource, directory: ArtifactPath, terms: Terms) -> Evidence:
        evidence = examiner(files, directory, terms)
        (desk.person.clone / directory / "model.onnx").write_bytes(b"other")
        return evidence

    request = Request(
        model=parse_model_name("regime_classifier"),
        stage=Stage.STAGING,
        artifact_dir=parse_artifact_path(V2),
        artifact_id="regime_v2_prod",
        actor=Actor("alice@example.com", Door.CLI),
    )
    root = desk.person.clone
    with pytest.raises(InvalidInput, match="the manifest says"):
        promote_here(
            Checkout.open(root),
            WorkTreePaths(root, desk.path, REGISTRY, POLICY_PATH),
            lambda _: (request, ()),
            examine=examine,
            now=datetime.now(timezone.utc),
            dry_run=False,
            allow_dirty=True,
        )
    assert desk.path.read_bytes() == before
