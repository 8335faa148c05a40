"""Teams and owners as people: who counts, what is asked, and that what GitHub does not show permits nobody."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify
from promotebot.gate.admission import people_refusal
from promotebot.promotion.policy import parse_policy
from promotebot.promotion.sections import Permission
from promotebot.pulls.compare import ChangesetLike
from promotebot.pulls.model_owners import changes_owners
from promotebot.registry.names import Stage
from tests.fake_github.people import BOT_PERMISSIONS
from tests.fakes import FakeGitHub
from tests.office import Office

POLICY = parse_policy(b"stages: {active: {permission: admin, people: [carol, '@acme/ml', '@acme/ops']}}")
ROLES = {"alice": Permission.ADMIN, "bob": Permission.WRITE, "carol": Permission.READ, "mallory": Permission.WRITE}


def refused(github: FakeGitHub, *people: str) -> str:
    found = people_refusal(people, Stage.ACTIVE, POLICY, github, "promoting to")
    return found.message if found else ""


@pytest.fixture
def github() -> FakeGitHub:
    return FakeGitHub(roles=dict(ROLES), members={"@acme/ops": {"bob"}})


def test_a_member_of_any_named_team_may_and_nobody_else(github: FakeGitHub) -> None:
    assert refused(github, "bob") == ""
    assert refused(github, "mallory") == (
        "mallory has write permission; promoting to ACTIVE needs admin. GitHub does not show that mallory is in "
        "@acme/ml, @acme/ops: that takes the token of an App or person with the organisation's `members: read`, which "
        "the token of a job never has. The doctor says what is missing."
    )


def test_who_has_the_role_or_is_named_is_not_asked_about(github: FakeGitHub) -> None:
    github.fail("is_member")
    assert refused(github, "alice", "Carol") == ""
    assert "is_member" not in github.calls


def test_each_of_several_people_has_to_be_somebody_who_may(github: FakeGitHub) -> None:
    everybody = ("alice", "bob", "carol", "mallory")
    for one, two in product(everybody, repeat=2):
        assert bool(refused(github, one, two)) is ("mallory" in (one, two))


def test_a_github_that_does_not_answer_permits_nobody(github: FakeGitHub) -> None:
    github.fail("is_member")
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        refused(github, "bob")


def test_the_word_for_owners_is_nobodys_login() -> None:
    policy = parse_policy(b"stages: {active: {permission: admin, people: [CODEOWNERS]}}")
    github = FakeGitHub(roles={"codeowners": Permission.READ})
    assert people_refusal(("codeowners",), Stage.ACTIVE, policy, github, "promoting to") is not None


@pytest.mark.thorough
def test_a_team_counts_where_the_apps_token_shows_it(office: Office) -> None:
    office.policy("stages: {shadow: {permission: maintain, people: ['@acme/ml']}}\n")
    office.hub.teams["acme/ml"] = {"carol": "active"}
    number, line = office.pull(), "/promote shadow --artifact-dir ml/artifacts/regime_v1 --artifact-id again"
    refused = office.ask(number, line, author="carol")
    assert refused.outputs["reason_code"] == "permission"
    assert "GitHub does not show that carol is in @acme/ml" in office.answer(number).replace("\u2060", "")
    token = office.repository.issue_app_token({**BOT_PERMISSIONS, "members": "read"}, slug="github-actions")
    done = office.ask(number, line, author="carol")
    assert done.outputs["decision"] == "refused", "the job's own token shows no team"
    comment = office.repository.comment(number, author="carol", body=line)
    done = office.job(office.repository.issue_comment_event(comment.id), GITHUB_TOKEN=token)
    assert done.outputs["decision"] == "promoted", done.log
    office.hub.teams["acme/ml"] = {"carol": "pending"}
    payload = office.repository.pull_request_event(number, action="edited")
    office.event("pull_request_target", payload, GITHUB_TOKEN=token)
    assert office.checks(office.head(number))[-1] == "failure", "who is invited only is no member"


@pytest.mark.thorough
def test_the_owners_of_the_registry_on_the_base_may_and_the_branch_names_none(office: Office) -> None:
    office.policy("stages: {active: {permission: admin, people: [CODEOWNERS]}}\n")
    owners = "* @mallory\n/ml/registry/ @carol a@example.com\n"
    office.push("bob", "main", {".github/CODEOWNERS": owners}, "chore: Owners")
    number = office.pull(files={".github/CODEOWNERS": "* @bob @mallory\n"})
    for login, decision in (("mallory", "refused"), ("bob", "refused"), ("carol", "promoted")):
        assert office.ask(number, "/promote active", author=login).outputs["decision"] == decision
    assert "carol" in office.answer(number), "who may is named"
    assert office.gate(number).outputs["decision"] == "refused", (
        "alice opened it, who may not say who owns the registry"
    )
    office.push("bob", "main", {".github/CODEOWNERS": "/ml/registry/\n"}, "chore: No owner")
    assert office.ask(number, "/withdraw", author="carol").outputs["decision"] == "refused"


SAME = b"/docs/ @x\n/ml/registry/ @bob\n"


@pytest.mark.parametrize(
    ("names", "fork", "base", "head", "changes"),
    [
        (True, SAME, SAME, b"/ml/registry/ @bob\n", False),
        (True, SAME, SAME, b"/ml/registry/ @bob @eve\n", True),
        (True, SAME, SAME, None, True),
        (True, None, None, SAME, True),
        (True, SAME, SAME, "elsewhere", True),
        (True, "elsewhere", "elsewhere", "elsewhere", True),
        (True, SAME, b"/ml/registry/ @carol\n", SAME, True),
        (False, SAME, SAME, b"/ml/registry/ @eve\n", False),
    ],
)
def test_owners_stay_the_same_only_where_every_side_names_the_same(
    tmp_path: Path,
    names: bool,
    fork: bytes | str | None,
    base: bytes | str | None,
    head: bytes | str | None,
    changes: bool,
) -> None:
    """None is no file, and a text a link: what it says is not known, and unknown is never the same."""
    sides = {}
    for side, content in (("fork", fork), ("base", base), ("head", head)):
        place = tmp_path / side / ".github/CODEOWNERS"
        place.parent.mkdir(parents=True)
        if isinstance(content, bytes):
            place.write_bytes(content)
        elif content:
            place.symlink_to(content)
        sides[f"{side}_files"] = WorkTree(tmp_path / side)
    policy = parse_policy(b"stages: {active: {people: [CODEOWNERS]}}" if names else b"{}")
    paths = (".github/CODEOWNERS",)
    registries = {"base_registry": None, "head_registry": None, "registry_path": "ml/registry/models.json"}
    change = SimpleNamespace(policy=policy, changed_paths=paths, **registries, **sides)
    assert changes_owners(cast(ChangesetLike, change)) is changes


@pytest.mark.thorough
def test_whoever_changes_the_owners_that_may_promote_needs_what_a_change_of_the_policy_needs(office: Office) -> None:
    """A role, and the approvals of `separation`; nobody's owners are changed by other lines of the file."""
    office.policy("stages: {active: {people: [CODEOWNERS]}}\nseparation: {approvals: 1}\n")
    office.push("bob", "main", {".github/CODEOWNERS": "/ml/registry/ @bob\n"}, "chore: Owners")
    for login, title, text, decision in (
        ("alice", "Docs", "/docs/ @alice\n/ml/registry/ @bob\n", "passed"),
        ("carol", "Me, too", "/ml/registry/ @bob @carol\n", "refused"),
        ("bob", "Alice, too", "/ml/registry/ @bob @alice\n", "waiting"),
    ):
        branch = title.lower().replace(", ", "-")
        office.person(login).start_branch(branch)
        office.push(login, branch, {".github/CODEOWNERS": text}, f"chore: {title}")
        pull = office.repository.open_pull(author=login, head=branch, title=title)
        assert office.gate(pull.number).outputs["decision"] == decision, title
    office.repository.review(pull.number, by="carol", state="APPROVED")
    assert office.gate(pull.number).outputs["decision"] == "passed"
