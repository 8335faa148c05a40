"""What the gate's own findings say, with their remedies: `said/gate_*.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from promotebot.artifact.source import Kind
from promotebot.gate.attestation import attest, revoke
from promotebot.gate.evaluate import GateResult, evaluate_gate
from promotebot.promotion.policy import parse_policy
from promotebot.promotion.replay import Step
from promotebot.promotion.sections import Permission
from promotebot.registry import Stage
from promotebot.registry.model import Action
from tests.approved import approve, finding_text
from tests.fakes import HEAD, push
from tests.gate import trees
from tests.gate.sequences import Ends
from tests.gate.test_hold import NUMBER, World
from tests.gate.test_requests import Case, at_a_terminal, step
from tests.gate.test_tree import V0, V1, V2, V3, Edit, edited, gone, manifest, moved, replaced
from tests.gate.trees import DATASET, FILES, MODEL, Desk, Tree, artifact, at, base, dataset, judge


def own(result: GateResult) -> list[str]:
    """What the gate adds to the findings on files and history."""
    findings = [one for one in result.findings if one.rule.startswith("gate.")]
    return [*map(finding_text, findings), f"title: {result.title}"]


def of_trees() -> Iterator[tuple[str, list[str]]]:
    edits: dict[str, Edit] = {
        "nothing changed": lambda _: None,
        "a directory is gone": gone,
        "a directory is renamed": lambda files: moved(files, f"{V1}_final"),
        "a link in its place": lambda files: replaced(files, Kind.SYMLINK),
        "a submodule in its place": lambda files: replaced(files, Kind.SUBMODULE),
        "a file in its place": lambda files: replaced(files, b"a file"),
        "the model exchanged": lambda files: files.update({f"{V1}/model.onnx": b"other"}),
        "model and manifest exchanged": lambda files: files.update(at(V1, artifact("other"))),
        "the manifest changed": manifest(lambda document: document.update(threshold=0.9)),
        "the manifest gone": lambda files: files.pop(f"{V1}/manifest.json"),
        "a file added": lambda files: files.update({f"{V1}/notes.txt": b"added"}),
        "an older tool's directory changed": lambda files: files.update({f"{V0}/train_report.json": b"{}"}),
        "an older tool's model exchanged": lambda files: files.update(at(V0, artifact("other"))),
        "a dataset exchanged": lambda files: files.update(at(DATASET, dataset("other rows"))),
        "a dataset broken": lambda files: files.update({f"{DATASET}/data.parquet": b"other"}),
        "a dataset gone": lambda files: gone(files, DATASET),
        "a link in a dataset's place": lambda files: replaced(files, Kind.SYMLINK, DATASET),
        "the same place on other systems": lambda files: files.update({"ml/artifacts/V1/model.onnx": b"added"}),
        "the same place above": lambda files: files.update({"ML": b"added"}),
    }
    for case, edit in edits.items():
        yield case, own(judge(base(), base().registry, edited(edit)))
    older = trees.Desk(trees.without(base().registry, "manifest_digest"), Tree(FILES), base().now)
    yield "a manifest that no pointer pins", own(judge(older, older.registry, edited(edits["the manifest changed"])))
    spaced = edited(lambda files: files.update({f"{V1}/manifest.json": artifact("one")["manifest.json"] + b"\n"}))
    yield "a manifest written otherwise", own(judge(base(), base().registry, spaced))
    demoted = base().promoted(MODEL, Stage.SHADOW, "v3").registry
    yield "what is demoted is gone", own(judge(base(), demoted, edited(lambda files: gone(files, V2))))


def of_moved_bases() -> Iterator[tuple[str, list[str]]]:
    changed = edited(lambda files: files.update({f"{V1}/model.onnx": b"other"}))
    deleted = trees.Desk(base().registry, Tree(edited(gone)), base().now)
    yield "deleted on the base", own(judge(deleted, base().registry, changed, fork=Tree(FILES)))
    both = edited(manifest(lambda document: document.update(notes="x"), V3))
    head = base().promoted(MODEL, Stage.STAGING, "v3").registry
    without_v3 = Tree(edited(lambda files: gone(files, V3)))
    yield "changed on both", own(judge(base(), head, both, fork=without_v3))
    rows = Tree(edited(lambda files: gone(files, DATASET)))
    active = base().promoted(MODEL, Stage.ACTIVE, "v2").registry
    yield "a dataset that the base brought", own(judge(base(), active, FILES, fork=rows))
    carried = edited(lambda files: files.update({"notes.txt": b"x"}))
    yield "carried by a rename", own(judge(base(), base().registry, carried, carried="ml/drafts/model.onnx"))
    paths = (f"{V1}/model.onnx", f"{V1}/manifest.json", f"{V2}/model.onnx")
    attributes = edited(lambda files: files.update({".gitattributes": b"*.onnx text"}))
    for count in (1, 2, 3):
        yield f"attributes, {count}", own(judge(base(), base().registry, attributes, newly=paths[:count]))


def of_holds() -> Iterator[tuple[str, list[str]]]:
    def shown(world: World) -> list[str]:
        holds = world.standing()
        result = GateResult((), ()).with_holds(holds, NUMBER)
        return [*map(finding_text, result.findings), f"title: {result.title}", *(hold.description for hold in holds)]

    world = World()
    world.hold("1")
    yield "held", shown(world)
    world.hold("2", number=8)
    yield "held, and another pull request from this commit, too", shown(world)
    world = World()
    world.github.post(world.head, f"promotebot/hold/{NUMBER}/1", "failure", description="wait")
    yield "a record that says something else", shown(world)
    world = World()
    world.hold("1", late=True)
    yield "a mark without a record", shown(world)


def test_every_finding_on_named_files_reads_as_approved() -> None:
    approve("gate_tree", [*of_trees(), *of_moved_bases()])


def test_every_finding_on_holds_reads_as_approved() -> None:
    approve("gate_holds", of_holds())


def of_requests() -> Iterator[tuple[str, list[str]]]:
    def said(case: Case, *steps: Step) -> list[str]:
        return [finding_text(one) for one in case.findings(*steps)]

    decided = Case()
    attest([step()], decided.github, "")
    yield "decided by the bot", said(decided, step())
    yield "nobody decided it", said(Case(), step())
    revoke([step()], decided.github, "", why="withdrawn by bob")
    yield "withdrawn", said(decided, step())
    yield "a rollback that nobody decided", said(Case(), step(action=Action.ROLLBACK))
    yield "of another repository", said(Case(), step({"repo": "acme/others"}))
    yield "of another pull request", said(Case(), step({"pull": 8}))
    yield "at a terminal", said(Case(), at_a_terminal())
    lacking = Case()
    lacking.github.roles["bob"] = Permission.WRITE
    yield "at a terminal, by somebody who may not", said(lacking, at_a_terminal())
    app = Case()
    app.github.pushed["change"].append(push("d" * 40, "sync[bot]", before=HEAD))
    app.pull = replace(app.pull, head_sha="d" * 40)
    yield "at a terminal, pushed by an App", said(app, at_a_terminal())
    strict = Desk(base().registry, base().files, base().now)
    made = strict.asked(MODEL, Stage.STAGING, "v2").registry
    ends = Ends(strict.registry, made, parse_policy(b"require_reason: true\n"), strict.files)
    result = evaluate_gate(ends, examine=trees.examine, now=strict.now)
    yield "under another policy", [finding_text(one) for one in result.findings if one.rule == "gate.policy"]


def test_every_finding_on_who_stands_behind_an_event_reads_as_approved() -> None:
    approve("gate_requests", of_requests())
