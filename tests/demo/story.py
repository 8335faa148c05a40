"""The demo: the main job, refusals and an exception on the embedded GitHub, each promise checked as it is kept."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper
from rich.console import Console
from rich.markdown import Markdown
from rich.syntax import Syntax

from promotebot.errors import InvalidInput, PromotebotError
from promotebot.registry import ModelRegistry
from tests.demo.page import Shown, write_page
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.people import Job, Person, Runner
from tests.fake_github.scenario import Repository

MODEL = "regime_classifier"
REGISTRY = "ml/registry/models.json"
EMPTY_REGISTRY = '{\n  "schema_version": "v1",\n  "generated_at_utc": "2026-01-01T00:00:00Z",\n  "models": {}\n}\n'


VOLATILE = 2
"""The number of that regime in the model's output (`ml/train.py`)."""
POLICY = """\
stages: {active: {require_prior_stage: false}}
comparison: {agreement: 0.95}
overrides:
  - {rule: comparison.agreement, people: [alice], start: 2026-01-01T00:00, end: 2100-01-01T00:00}
"""


class BrokenPromise(PromotebotError):
    """A step of the demo came out differently from what it promises."""

    exit_code = 1


def expect(condition: object, promise: str, seen: object = "") -> None:
    """Stop the demo when a promise is not kept. Raises BrokenPromise."""
    if not condition:
        raise BrokenPromise(f"the demo promised that {promise}", remedy=f"this was seen: {str(seen)[:2000]}")


def run_demo(source: Path, page: Path) -> int:
    """Run the whole story on a checkout's `ml/`; 0 when every promise was kept."""
    missing = [
        name
        for name in ("train.py", "artifacts/regime_v1", "artifacts/regime_v2")
        if not (source / "ml" / name).exists()
    ]
    if missing:
        raise InvalidInput(
            f"ml/{missing[0]} is not there",
            where=str(source),
            remedy="run it in a checkout of promotebot, or give --source",
        )
    with tempfile.TemporaryDirectory(prefix="promotebot-demo-") as scratch:
        with EmbeddedGitHub(root=Path(scratch, "hub")) as hub:
            story = Story(hub, Path(scratch), source, Console(file=sys.stdout))
            story.tell()
        page.parent.mkdir(parents=True, exist_ok=True)
        write_page(page, story.shown)
    story.console.print(f"\nAll promises kept. The comments as a page: {page.resolve()}", soft_wrap=True)
    return 0


@dataclass
class Story:
    """The steps in order; each narrates, acts, and checks."""

    hub: EmbeddedGitHub
    scratch: Path
    source: Path
    console: Console
    shown: list[Shown] = field(default_factory=list)
    repository: Repository = field(init=False)
    runner: Runner = field(init=False)

    def tell(self) -> None:
        self.heading("1. A repository with regime_v1 ACTIVE")
        self.found_repository()
        self.heading("2. alice adds regime_v2 and asks for shadow")
        self.shadow()
        self.heading("3. alice comments exactly `/promote active`")
        number = self.active()
        self.heading("4. bob merges; main is verified")
        self.merge_and_verify(number)
        self.heading("5. Three refusals")
        self.refuse_tampered()
        self.refuse_traversal()
        self.refuse_reader()
        self.heading("6. A worse model is refused, and alice makes an exception")
        self.refuse_worse()

    def found_repository(self) -> None:
        self.repository = seed_repository(self.hub, self.source, self.scratch)
        self.runner = Runner.of(self.repository, self.scratch / "runner")
        active = self.registry_at("main").get_stage_pointer(MODEL, "active")
        expect(active and active.artifact_id == "regime_v1_prod", "regime_v1 is ACTIVE", active)
        self.say(f"{self.repository.clone_url} is served; ACTIVE is regime_v1_prod.")

    def shadow(self) -> None:
        alice = self.person("alice")
        alice.start_branch("add-regime-v2")
        add_artifact(alice, self.source, "regime_v2")
        alice.push()
        number = self.repository.open_pull(author="alice", head="add-regime-v2", title="Add regime_v2").number
        job = self.ask(number, "alice", "/promote shadow")
        self.expect_promoted(job, number)
        self.show(number, "regime_v2 into shadow")
        self.repository.merge(number, by="bob")
        shadow = self.registry_at("main").get_stage_pointer(MODEL, "shadow")
        expect(shadow and shadow.artifact_dir == "ml/artifacts/regime_v2", "SHADOW holds regime_v2", shadow)
        self.say("bob merged it: regime_v2 is in SHADOW.")

    def active(self) -> int:
        alice = self.person("alice")
        alice.start_branch("shadow-evaluation")
        evaluation = {"artifact": "regime_v2", "days": 14, "accuracy": "0.95", "compared_with": "regime_v1"}
        alice.write("ml/evaluations/regime_v2_shadow.json", json.dumps(evaluation, indent=2) + "\n")
        alice.commit("docs(ml): Shadow evaluation of regime_v2")
        before = alice.push()
        number = self.repository.open_pull(
            author="alice", head="shadow-evaluation", title="Shadow evaluation of regime_v2"
        ).number
        job = self.ask(number, "alice", "/promote active")
        self.expect_promoted(job, number)
        head = self.repository.pull(number).head_sha
        alice.git("fetch", "--quiet", "origin", "shadow-evaluation")
        parent, changed = alice.git("rev-parse", f"{head}^"), alice.git("diff", "--name-only", f"{head}^", head)
        expect(parent == before, "the commit continues the head that was validated", parent)
        expect(changed == REGISTRY, "only the registry changed", changed)
        expect(job.outputs["commit_sha"] == head, "the output names the commit", job.outputs)
        self.show(number, "regime_v2 into ACTIVE")
        self.say("The commit:")
        self.console.print(alice.git("show", "--stat", "--format=fuller", head), markup=False, highlight=False)
        self.say("The diff:")
        self.console.print(Syntax(alice.git("diff", f"{head}^", head), "diff", background_color="default"))
        posted = [s.state for s in self.repository.statuses if (s.sha, s.context) == (head, "promotebot/gate")]
        expect(posted == ["success"], "promotebot/gate is green on the new head", posted)
        return number

    def merge_and_verify(self, number: int) -> None:
        self.repository.review(number, by="bob")
        self.repository.merge(number, by="bob")
        carol = self.person("carol")
        verified = carol.promotebot("verify", "--path", REGISTRY, "--base-dir", ".")
        self.console.print(verified.stdout.strip(), markup=False, highlight=False)
        expect(verified.returncode == 0, "main verifies", verified.stdout + verified.stderr)
        event = self.registry_at("main").history[MODEL][0]
        expect(
            (event.from_stage, event.to_stage, event.actor) == ("shadow", "active", "alice"),
            "history[0] is shadow → active by alice",
            event,
        )
        self.say("history[0]:")
        self.console.print_json(event.model_dump_json())

    def refuse_tampered(self) -> None:
        alice = self.person("alice")
        alice.start_branch("add-regime-v3")
        add_artifact(alice, self.source, "regime_v2", name="regime_v3", tampered=True)
        alice.push()
        number = self.repository.open_pull(author="alice", head="add-regime-v3", title="Add regime_v3").number
        self.refused(number, "alice", "/promote shadow", "artifact.digest", "a tampered model file")

    def refuse_traversal(self) -> None:
        number = self.small_pull("readme-typo")
        self.refused(
            number,
            "alice",
            "/promote shadow --artifact-dir ml/artifacts/../../etc",
            "Path traversal not allowed",
            "a path with ..",
        )

    def refuse_reader(self) -> None:
        number = self.small_pull("another-typo")
        self.refused(number, "mallory", "/promote active", "permission", "a commenter without write permission")

    def refuse_worse(self) -> None:
        bob = self.person("bob")
        bob.write(".github/promotion.yml", POLICY)
        bob.commit("chore: What a candidate for ACTIVE has to reach, and who may make an exception")
        bob.push()
        alice = self.person("alice")
        alice.start_branch("add-regime-v4")
        add_worse(alice, self.source, "regime_v4")
        alice.push()
        number = self.repository.open_pull(author="alice", head="add-regime-v4", title="Add regime_v4").number
        self.refused(number, "alice", "/promote active", "comparison.agreement", "a model that is worse than ACTIVE")
        job = self.ask(number, "alice", '/promote active --override "comparison.agreement: it never says volatile"')
        self.expect_promoted(job, number)
        self.show(number, "An exception, which the card says first")
        expect("makes an exception from a rule" in plain(self.comment_on(number)), "the card says who makes it")

    def small_pull(self, branch: str) -> int:
        alice = self.person("alice")
        alice.start_branch(branch)
        alice.write(f"docs/{branch}.md", "A small change.\n")
        alice.commit("docs: A small change")
        alice.push()
        return self.repository.open_pull(author="alice", head=branch, title="A small change").number

    def refused(self, number: int, login: str, command: str, says: str, reason: str) -> None:
        before = self.repository.pull(number).head_sha
        job = self.ask(number, login, command)
        comment = self.comment_on(number)
        expect(job.exit_code == 0, "a job that answers ends with exit code 0", job)
        expect(job.outputs.get("decision") == "refused", "the decision is refused", job.outputs)
        expect(says in plain(comment), f"the comment says {says!r}", comment)
        expect("Traceback" not in job.log, "nobody sees a traceback", job.log)
        expect(self.repository.pull(number).head_sha == before, "nothing is committed")
        self.show(number, f"Refused: {reason}")

    def person(self, login: str) -> Person:
        directory = Path(tempfile.mkdtemp(prefix=f"{login}-", dir=self.scratch))
        return Person.at_work(self.hub, self.repository, login, directory)

    def ask(self, number: int, login: str, body: str) -> Job:
        """Comment on a pull request and run the job that GitHub would start for it."""
        comment = self.repository.comment(number, author=login, body=body)
        self.say(f"{login} on #{number}: {body}")
        return self.runner.run("issue_comment", self.repository.issue_comment_event(comment.id))

    def expect_promoted(self, job: Job, number: int) -> None:
        expect(job.succeeded, "the job succeeds", job)
        expect(job.outputs.get("decision") == "promoted", "the decision is promoted", job.outputs)
        expect(self.comment_on(number), "the bot comments")

    def comment_on(self, number: int) -> str:
        bodies = [c.body for c in self.repository.comments_on(number) if c.user.login == "github-actions[bot]"]
        expect(bodies, "there is a comment of the bot's")
        return bodies[-1]

    def show(self, number: int, title: str) -> None:
        body = self.comment_on(number)
        pull = self.repository.pull(number)
        self.shown.append(Shown(title, number, pull.title, body))
        self.console.rule(f"comment on #{number}: {title}")
        self.console.print(Markdown(readable(body)))
        self.console.rule()

    def registry_at(self, branch: str) -> ModelRegistry:
        return ModelRegistry.parse(self.repository.git.run_bytes("cat-file", "blob", f"{branch}:{REGISTRY}"))

    def heading(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/bold]")

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def seed_repository(hub: EmbeddedGitHub, source: Path, scratch: Path) -> Repository:
    """acme/models with the sample's training code and regime_v1 brought to ACTIVE at a terminal."""
    repository = hub.create_repository("acme/models")
    for login, role in (("alice", "maintain"), ("bob", "maintain"), ("carol", "write"), ("mallory", "read")):
        hub.add_user(login)
        repository.set_role(login, role)
    bob = Person.at_work(hub, repository, "bob", scratch / "bob")
    bob.write(REGISTRY, EMPTY_REGISTRY)
    shutil.copy(source / "ml/train.py", bob.clone / "ml/train.py")
    bob.commit("feat(ml): Training code and an empty registry")
    trained = add_artifact(bob, source, "regime_v1")
    flags = ["--model", MODEL, "--artifact-dir", "ml/artifacts/regime_v1"]
    promote(bob, *flags, "--stage", "shadow", "--artifact-id", "regime_v1_candidate")
    promote(
        bob,
        *flags,
        "--stage",
        "active",
        "--artifact-id",
        "regime_v1_prod",
        "--dataset-id",
        "market_data_2026_q1_btcusdt",
        "--git-sha",
        trained,
        "--reason",
        "First model",
    )
    bob.push()
    return repository


def promote(person: Person, *flags: str) -> None:
    """Promote at the terminal and commit what it wrote."""
    done = person.promotebot("promote", *flags)
    expect(done.returncode == 0, "the first model is promoted at the terminal", done.stdout + done.stderr)
    person.commit(f"feat(ml): Promote {flags[flags.index('--artifact-id') + 1]}")


def add_artifact(person: Person, source: Path, artifact: str, *, name: str = "", tampered: bool = False) -> str:
    """Copy a sample artifact into a clone and commit it, its manifest naming the commit before as training code.

    The digest of an artifact does not cover the manifest's `git_sha`, so the bytes stay proven.
    """
    trained = person.git("rev-parse", "HEAD")
    target = person.clone / "ml/artifacts" / (name or artifact)
    shutil.copytree(source / "ml/artifacts" / artifact, target)
    manifest: dict[str, Any] = json.loads((target / "manifest.json").read_bytes())
    manifest["git_sha"] = trained
    (target / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    if tampered:
        model = target / manifest["model_file"]
        model.write_bytes(model.read_bytes()[:-1] + b"\x00")
    person.commit(f"feat(ml): Add {name or artifact}")
    return trained


def add_worse(person: Person, source: Path, name: str) -> None:
    """Commit a model that runs as regime_v2 does, and takes no row for volatile any more."""
    add_artifact(person, source, "regime_v2", name=name)
    target = person.clone / "ml/artifacts" / name
    model = onnx.load(target / "model.onnx")
    [bias] = [one for one in model.graph.initializer if one.name == "b1"]
    changed = numpy_helper.to_array(bias).copy()
    changed[VOLATILE] -= 100
    bias.CopyFrom(numpy_helper.from_array(changed, bias.name))
    onnx.save(model, target / "model.onnx")
    shutil.rmtree(target / "test_data_set_0")  # what it says on ACTIVE's inputs is what counts
    manifest: dict[str, Any] = json.loads((target / "manifest.json").read_bytes())
    listed = [path for path in manifest["sha256"] if (target / path).is_file()]
    manifest["sha256"] = {path: hashlib.sha256((target / path).read_bytes()).hexdigest() for path in listed}
    (target / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    person.commit(f"feat(ml): Train {name} anew")


def readable(markdown: str) -> str:
    """Markdown for a terminal: what GitHub folds is shown open, hidden markers are dropped."""
    shown = re.sub(r"<!--.*?-->\n?", "", markdown, flags=re.DOTALL)
    shown = re.sub(r"<details>\s*<summary>(.*?)</summary>", r"**\1**", shown)
    return re.sub(r"</?(details|summary|br|sub|sup)\s*/?>", "", shown)


def plain(markdown: str) -> str:
    """The words of a comment without the escapes that keep Markdown harmless."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)
