"""The bot's commits on GitHub: signed, made from where the branch was read, and such that the base takes them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.fake_github.bare import BareRepository
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job
from tests.fake_github.refusals import HttpError
from tests.office import BOT, Office
from tests.sampling import sampled

pytestmark = pytest.mark.thorough

COMMIT, MOVE, TREE = "/graphql/CommitOnBranch", "/graphql/MoveBranch", "/git/trees"
MODEL = "regime_classifier"
WRITTEN_BY_HAND = "notes.txt"


def parents(office: Office, revision: str) -> list[str]:
    return list(office.repository.git.commit(revision).parents)


def writes(office: Office) -> list[str]:
    """The requests that made objects or moved branches, oldest first."""
    paths = [made.path.removeprefix("/repos/acme/models") for made in office.hub.requests if made.writes]
    return [path for path in paths if path.startswith(("/git/", "/graphql/"))]


def pushes(office: Office) -> int:
    return sum(made.path.endswith("git-receive-pack") for made in office.hub.git_requests)


def conflicting(office: Office, **files: str | bytes) -> tuple[int, Job]:
    """A promotion that the base's next commit conflicts with, and the job after that commit."""
    one, two = office.pull("one"), office.pull("two", dict(files) if files else None)
    assert office.ask(one, "/promote staging").succeeded
    assert office.ask(two, "/promote active").succeeded
    office.repository.merge(one, by="bob")
    office.hub.requests.clear()
    office.hub.git_requests.clear()
    return two, office.pushed(one)


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_a_promotion_is_merged_where_commits_must_be_signed(office: Office, method: str) -> None:
    number = office.pull()
    office.repository.sign("main..evaluation")
    office.repository.protect("main", required_checks=["promotebot/gate"], signed_commits=True)
    job = office.ask(number, "/promote active")
    assert job.succeeded, job.log
    assert pushes(office) == 0
    made = office.repository.git.commit(office.head(number))
    assert (made.author.name, made.author.email) == (BOT, "41898282+github-actions[bot]@users.noreply.github.com")
    assert job.outputs["commit_sha"] == made.sha == office.head(number)
    assert made.sha[:7] in office.comment(number)
    assert "without a signature" not in office.comment(number)
    office.repository.merge(number, by="bob", method=method)
    assert office.pointer("main", "active") == "regime_v2_candidate"


@pytest.mark.parametrize("limit", ["MAX_CONTENT", "MAX_PATHS"])
def test_what_the_api_does_not_take_is_pushed_and_said_to_be_unsigned(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, limit: str
) -> None:
    monkeypatch.setattr(f"promotebot.pulls.publish.{limit}", 0)
    number = office.pull()
    office.repository.sign("main..evaluation")
    office.repository.protect("main", signed_commits=True)
    job = office.ask(number, "/promote active")
    assert job.succeeded, job.log
    assert (writes(office), pushes(office)) == ([], 1)
    assert "the commit is more than GitHub's API takes" in caplog.text
    assert "without a signature" in office.comment(number)
    assert "promotebot registry split" in office.comment(number)
    with pytest.raises(HttpError, match="must have verified signatures"):
        office.repository.merge(number, by="bob")


def test_a_branch_that_was_set_back_meanwhile_gets_nothing_again_that_was_taken_off(office: Office) -> None:
    number = office.pull()
    before = office.head(number)
    alice = office.person("alice")
    alice.start_branch("evaluation", base="evaluation")
    alice.write("docs/taken-off.md", "a secret\n")
    taken_off = alice.commit("docs: A secret")
    alice.push()

    def set_back() -> None:
        alice.git("push", "--quiet", "--force", "origin", f"{before}:evaluation")

    office.hub.inject(Fault("POST", COMMIT, meanwhile=set_back))
    job = office.ask(number, "/promote active")
    assert job.succeeded, job.log
    head = office.head(number)
    assert parents(office, head) == [before]
    assert not office.repository.git.is_ancestor(taken_off, head)
    assert office.checks(head)[-1] == "success"


def test_another_tree_than_the_planned_one_fails_closed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.pull()
    write_tree = BareRepository.write_tree

    def with_more(self: BareRepository, base: str | None, changes: Any) -> str:
        return write_tree(self, base, [*changes, ("more.txt", "100644", self.write_blob(b"more\n"))])

    with monkeypatch.context() as patch:
        patch.setattr(BareRepository, "write_tree", with_more)
        job = office.ask(number, "/promote active")
    assert (job.exit_code, job.outputs["reason_code"]) == (4, "could_not_verify")
    assert "GitHub made the tree" in office.comment(number)
    head = office.head(number)
    assert office.checks(head) == []
    office.gate(number)
    assert office.checks(head)[-1] == "failure", "nothing vouches for the event on it"


def test_a_base_that_moved_is_merged_by_github_with_both_parents(office: Office) -> None:
    lines = "".join(f"{line}\n" for line in range(40))
    office.push("bob", "main", {WRITTEN_BY_HAND: lines}, "docs: Notes")
    one = office.pull("one", {WRITTEN_BY_HAND: f"{lines}last\n"})
    two = office.pull("two", {WRITTEN_BY_HAND: f"first\n{lines}", "model.bin": b"\0\xff"})
    assert office.ask(one, "/promote staging").succeeded
    assert office.ask(two, "/promote active").succeeded
    office.repository.sign("main..two")
    before = office.head(two)
    office.repository.merge(one, by="bob")
    office.repository.protect("main", required_checks=["promotebot/gate"], signed_commits=True)
    office.hub.requests.clear()
    office.hub.git_requests.clear()
    assert office.pushed(one).outputs["reason_code"] == "recomputed"
    assert (writes(office), pushes(office)) == ([TREE, "/git/commits", MOVE], 0)
    head = office.head(two)
    assert parents(office, head) == [before, office.repository.git.branch("main")]
    read = office.repository.git.run_bytes
    assert read("cat-file", "blob", f"{head}:{WRITTEN_BY_HAND}").decode() == f"first\n{lines}last\n"
    assert read("cat-file", "blob", f"{head}:model.bin") == b"\0\xff"
    office.repository.merge(two, by="bob")
    assert (office.pointer("main", "staging"), office.pointer("main", "active")) == ("regime_v2_candidate",) * 2


def test_a_text_in_another_encoding_that_git_merged_is_pushed(office: Office) -> None:
    lines = "".join(f"caf\xe9 {line}\n" for line in range(40)).encode("latin-1")
    office.push("bob", "main", {WRITTEN_BY_HAND: lines}, "docs: Notes")
    one, two = (
        office.pull("one", {WRITTEN_BY_HAND: lines + b"last\n"}),
        office.pull("two", {WRITTEN_BY_HAND: b"a\n" + lines}),
    )
    assert office.ask(one, "/promote staging").succeeded
    assert office.ask(two, "/promote active").succeeded
    office.repository.merge(one, by="bob")
    assert office.pushed(one).outputs["reason_code"] == "recomputed"
    blob = office.repository.git.run_bytes("cat-file", "blob", f"{office.head(two)}:{WRITTEN_BY_HAND}")
    assert blob == b"a\n" + lines + b"last\n"
    assert "without a signature" in office.comment(two)


def test_a_merge_that_comes_too_late_is_made_again_on_the_new_head(office: Office) -> None:
    one, two = office.pull("one"), office.pull("two")
    assert office.ask(one, "/promote staging").succeeded
    assert office.ask(two, "/promote active").succeeded
    office.repository.merge(one, by="bob")
    alice = office.person("alice")
    alice.start_branch("two", base="two")
    alice.write("docs/late.md", "late\n")
    late = alice.commit("docs: Late")
    office.hub.inject(Fault("POST", MOVE, meanwhile=alice.push))
    assert office.pushed(one).outputs["reason_code"] == "recomputed"
    assert parents(office, office.head(two)) == [late, office.repository.git.branch("main")]


Rule = Callable[[Office], None]


def rebase_only(office: Office) -> None:
    office.repository.merge_methods = {"rebase"}


def linear_without_squash(office: Office) -> None:
    office.repository.merge_methods = {"merge", "rebase"}
    office.repository.protect("main", required_checks=["promotebot/gate"], linear_history=True)


def linear_in_the_older_protection(office: Office) -> None:
    office.repository.merge_methods = {"merge", "rebase"}
    office.repository.protect("main", required_checks=["promotebot/gate"], linear_history=True, is_classic=True)


def rebase_by_a_ruleset(office: Office) -> None:
    office.repository.protect("main", required_checks=["promotebot/gate"], merge_methods=("rebase",))


@pytest.mark.parametrize(
    "rule", sampled([rebase_only, linear_without_squash, linear_in_the_older_protection, rebase_by_a_ruleset], 2)
)
def test_where_only_rebasing_is_allowed_the_base_is_not_merged_but_built_on(office: Office, rule: Rule) -> None:
    rule(office)
    one, two = office.pull("one"), office.pull("two")
    assert office.ask(one, "/promote staging").succeeded
    assert office.ask(two, "/promote active").succeeded
    office.repository.merge(one, by="bob", method="rebase")
    job = office.pushed(one)
    assert job.outputs["reason_code"] == "recomputed", job.log
    head = office.head(two)
    assert parents(office, head) == [office.repository.git.branch("main")]
    assert office.checks(head)[-1] == "success"
    assert "this branch is now one commit on top of it" in office.comment(two)
    office.repository.merge(two, by="bob", method="rebase")
    assert (office.pointer("main", "staging"), office.pointer("main", "active")) == ("regime_v2_candidate",) * 2
    assert office.repository.git.run("show", "main:ml/evaluations/two.json") == "{}\n"
    history = office.registry("main").history[MODEL]
    assert [str(event.to_stage) for event in history[:2]] == ["active", "staging"]


def test_a_commit_that_trained_what_becomes_active_is_not_replaced(office: Office) -> None:
    rebase_only(office)
    office.policy("stages: {active: {require_prior_stage: false}}\n")
    one = office.pull("one")
    alice = office.person("alice")
    alice.start_branch("two")
    alice.write("train.py", "fit()\n")
    trained = alice.commit("feat: Train")
    shutil.copytree(alice.clone / "ml/artifacts/regime_v2", alice.clone / "ml/artifacts/regime_v3")
    manifest = alice.clone / "ml/artifacts/regime_v3/manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_bytes()), "git_sha": trained}))
    alice.commit("feat: regime_v3")
    alice.push()
    two = office.repository.open_pull(author="alice", head="two", title="Two").number
    assert office.ask(one, "/promote staging").succeeded
    assert office.ask(two, "/promote active").succeeded, office.comments(two)
    head = office.head(two)
    office.repository.merge(one, by="bob", method="rebase")
    assert office.pushed(one).succeeded
    assert (office.head(two), office.checks(head)[-1]) == (head, "failure")
    said = "\n".join(office.comments(two))
    assert f"would lose commit {trained[:7]}" in said
    assert "allow squash merges" in said


@pytest.mark.parametrize(
    ("methods", "remedy"),
    [
        ({"rebase"}, "git rebase origin/main; solve conflicts in other files; then: git push --force-with-lease"),
        ({"merge"}, "git merge --no-edit origin/main; solve conflicts in other files; then: git push;"),
    ],
)
def test_a_conflict_is_mended_in_the_way_that_the_base_takes(office: Office, methods: set[str], remedy: str) -> None:
    one, two = office.pull("one", {WRITTEN_BY_HAND: "one\n"}), office.pull("two", {WRITTEN_BY_HAND: "two\n"})
    assert office.ask(one, "/promote staging").succeeded
    assert office.ask(two, "/promote active").succeeded
    office.repository.merge(one, by="bob")
    office.repository.merge_methods = methods
    assert office.pushed(one).succeeded
    assert remedy in "\n".join(office.comments(two)).replace("`", "").replace("&#58;", ":")


def test_where_a_squash_is_allowed_a_linear_history_takes_a_merge_of_the_base(office: Office) -> None:
    office.repository.protect("main", required_checks=["promotebot/gate"], linear_history=True)
    one, two = office.pull("one"), office.pull("two")
    assert office.ask(one, "/promote staging").succeeded
    assert office.ask(two, "/promote active").succeeded
    office.repository.merge(one, by="bob", method="squash")
    assert office.pushed(one).outputs["reason_code"] == "recomputed"
    assert len(parents(office, office.head(two))) == 2
    with pytest.raises(HttpError, match="must not contain merge commits"):
        office.repository.merge(two, by="bob", method="merge")
    office.repository.merge(two, by="bob", method="squash")
    assert office.pointer("main", "active") == "regime_v2_candidate"


@pytest.mark.parametrize(
    ("rules", "says"),
    sampled(
        [
            ({"dismisses_approvals": True}, "**Approve again:**"),
            ({"required_reviews": 1}, ""),
            ({"required_reviews": 1, "is_classic": True}, "may have dismissed an earlier approval"),
            ({}, ""),
        ],
        2,
    ),
)
def test_after_a_refresh_the_card_asks_for_a_new_approval_where_the_old_one_is_dismissed(
    office: Office, rules: dict[str, Any], says: str
) -> None:
    two, job = conflicting(office)
    assert job.outputs["reason_code"] == "recomputed"
    three = office.pull("three")
    assert office.ask(three, "/promote shadow --artifact-dir ml/artifacts/regime_v1").succeeded
    office.repository.merge(two, by="bob")
    office.repository.protect("main", **rules)
    office.repository.review(three, by="bob")
    assert office.pushed(two).outputs["reason_code"] == "recomputed"
    comment = office.comment(three)
    assert says in comment
    if not says:
        assert "pprove again" not in comment
    [review] = office.repository.pull(three).reviews
    assert review.state == ("DISMISSED" if rules.get("dismisses_approvals") else "APPROVED")


def test_a_rollback_by_hand_starts_a_branch_that_github_signs(office: Office) -> None:
    office.repository.protect("main", required_checks=["promotebot/gate"], signed_commits=True)
    office.repository.actions_may_open_pulls = True
    first = office.pull()
    office.repository.sign("main..evaluation")
    assert office.ask(first, "/promote active").succeeded
    office.repository.merge(first, by="bob")
    job = office.dispatch(f"/rollback {MODEL} --reason 'incident 7'")
    assert job.succeeded, job.log
    assert pushes(office) == 0
    office.repository.merge(max(office.repository.pulls), by="bob")
    assert office.pointer("main", "active") == "regime_v1_prod_rollback"


def test_a_branch_of_that_name_that_is_made_meanwhile_is_nobodys_to_go_on_from(office: Office) -> None:
    def make_it() -> None:
        branch = f"promote/{MODEL}/active/{max(office.repository.runs)}"
        office.push("carol", branch, {"more.txt": "more\n"}, "docs: More")

    office.hub.inject(Fault("POST", r"/git/refs$", meanwhile=make_it))
    job = office.dispatch(f"/promote active {MODEL} --artifact-dir ml/artifacts/regime_v2")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "ref_changed")
    assert "was made meanwhile" in job.summary
    assert not office.repository.pulls


@pytest.mark.parametrize("path", [COMMIT, MOVE])
def test_a_commit_whose_answer_is_lost_counts_as_made(office: Office, path: str) -> None:
    office.hub.inject(Fault("POST", path, status=502, after=True))
    if path == COMMIT:
        number = office.pull()
        job = office.ask(number, "/promote active")
    else:
        number, job = conflicting(office)
    assert job.succeeded, job.log
    assert office.checks(office.head(number))[-1] == "success"


def test_a_protected_branch_is_left_alone_in_githubs_words_with_what_to_do(office: Office) -> None:
    number = office.pull()
    office.repository.protect("evaluation")
    head = office.head(number)
    job = office.ask(number, "/promote active")
    assert (job.exit_code, office.head(number)) == (4, head)
    assert "Changes must be made through a pull request" in office.comment(number)
    assert "contents: write" in office.comment(number)
    assert "what the branch's rules forbid" in office.comment(number)


def test_where_owners_and_the_last_push_must_be_approved_one_asks_first_and_reviews_after_it(office: Office) -> None:
    """The bot pushed last, so that whoever may approve the pull request may approve its commit."""
    office.push("bob", "main", {".github/CODEOWNERS": "/ml/registry/ @bob\n"}, "chore: Owners")
    office.repository.protect(
        "main", required_checks=["promotebot/gate"], code_owner_review=True, last_push_approval=True
    )
    number = office.pull()
    office.repository.review(number, by="bob")
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    with pytest.raises(HttpError, match=r"someone other than github-actions\[bot\] because they were the last pusher"):
        office.repository.merge(number, by="bob")
    office.repository.review(number, by="bob")
    office.repository.merge(number, by="bob")
    assert office.pointer("main", "active") == "regime_v2_candidate"
