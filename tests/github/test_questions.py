"""What GraphQL answers at once is what REST says with several requests, and nothing is taken for more than it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify
from promotebot.github.answers import GHOST
from promotebot.github.client import PyGithubClient
from promotebot.github.refused import NotFound
from tests.fake_github.api import graphql
from tests.fake_github.faults import Fault
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.lateness import NEVER_LATE
from tests.fake_github.people import BOT_PERMISSIONS, Person
from tests.fake_github.scenario import Repository
from tests.fakes import settings


def blob_id(data: bytes) -> str:
    """https://git-scm.com/book/en/v2/Git-Internals-Git-Objects"""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass
class World:
    """acme/models with pull request 1 by alice, from `change`; and the client of a job."""

    repository: Repository
    alice: Person
    client: PyGithubClient
    cost: Cost

    @property
    def known_up_to(self) -> str:
        """The head up to which the branch was only added to, as GitHub says."""
        return self.client.conversation(1)[0].only_added_to


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with EmbeddedGitHub(root=tmp_path / "hub") as hub:
        hub.late = NEVER_LATE
        repository = hub.create_repository("acme/models")
        hub.add_user("alice")
        repository.set_role("alice", "maintain")
        alice = Person.at_work(hub, repository, "alice", tmp_path / "alice")
        alice.write("README.md", "models\n")
        alice.commit("docs: Start")
        alice.push()
        alice.start_branch("change")
        alice.write("README.md", "more models\n")
        alice.commit("docs: Change")
        alice.push()
        repository.open_pull(author="alice", head="change", title="A change")
        token, cost = repository.issue_actions_token(BOT_PERMISSIONS), Cost()
        with closing(
            PyGithubClient.connect(settings(api_url=hub.api_url, token=token), retries=0, cost=cost)
        ) as client:
            yield World(repository, alice, client, cost)


def test_a_pull_request_is_what_rest_says_it_is(world: World) -> None:
    repository, client = world.repository, world.client
    head = repository.pull(1).head_sha
    # REST shows for an open one the commit of a merge that GitHub only tried.
    assert client.conversation(1) == (replace(client.pull(1), only_added_to=head, merge_commit_sha=None), [])
    repository.pull(1).draft = True
    assert client.conversation(1)[0].draft is True
    repository.mark_ready(1)
    repository.merge(1, by="alice")
    merged = client.conversation(1)[0]
    assert merged == replace(client.pull(1), only_added_to=head)
    assert (merged.state, merged.merged) == ("closed", True)


def test_a_pull_request_that_was_closed_is_not_merged(world: World) -> None:
    world.repository.close(1, by="alice")
    closed, _ = world.client.conversation(1)
    assert (closed.state, closed.merged, closed.merged_at) == ("closed", False, None)


def test_every_comment_comes_with_its_author_a_hundred_with_each_question(world: World) -> None:
    for number in range(230):
        world.repository.comment(1, author="alice", body=f"comment {number}")
    world.client.upsert_comment(1, "<!-- x -->", "<!-- x -->\nours", author_login="github-actions[bot]")
    world.cost.reads = 0
    _, comments = world.client.conversation(1)
    assert world.cost.reads == 3
    assert [comment.body for comment in comments[:230]] == [f"comment {number}" for number in range(230)]
    assert (comments[0].author, comments[-1].author) == ("alice", "github-actions[bot]")
    first = min(world.repository.comments.values(), key=lambda comment: comment.id)
    assert (comments[0].id, comments[0].pull) == (first.id, 1)
    assert comments[0].html_url.endswith(f"/acme/models/pull/1#issuecomment-{first.id}")


def test_the_commits_come_with_the_first_hundred_comments_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(101):
        world.repository.comment(1, author="alice", body=str(number))
    asked, commits = list[object](), graphql._commits

    def counted(*told: Any) -> Any:
        asked.append(told)
        return commits(*told)

    monkeypatch.setattr(graphql, "_commits", counted)
    pull, comments = world.client.conversation(1)
    assert (len(comments), len(asked)) == (101, 1)
    assert pull.commit_statuses == {pull.head_sha: ()}


def test_an_account_that_was_deleted_is_the_ghost_which_is_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.repository.comment(1, author="alice", body="/promote active")
    monkeypatch.setattr("tests.fake_github.api.graphql.actor", lambda _: None)
    pull, [comment] = world.client.conversation(1)
    assert (pull.author, comment.author) == (GHOST, GHOST)


def test_a_fork_that_was_deleted_is_a_fork(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = graphql._pull
    monkeypatch.setattr(graphql, "_pull", lambda *asked: {**shown(*asked), "headRepository": None})
    assert world.client.conversation(1)[0].is_fork is True


def test_what_is_not_there_is_not_found_and_a_refusal_is_unknown(world: World) -> None:
    with pytest.raises(NotFound, match="GitHub refused to read pull request #99: NOT_FOUND"):
        world.client.conversation(99)
    world.repository.hub.inject(Fault("*", "/graphql/Conversation", half=True))
    with pytest.raises(CouldNotVerify, match="the request to read pull request #1"):
        world.client.conversation(1)


def test_a_branch_that_only_got_commits_more_was_only_added_to(world: World) -> None:
    world.alice.write("more.md", "more\n")
    more = world.alice.commit("docs: More")
    world.alice.push()
    assert world.known_up_to == more


def test_a_branch_that_was_forced_was_not_only_added_to(world: World) -> None:
    world.alice.git("commit", "--quiet", "--amend", "--message=docs: Another")
    world.alice.git("push", "--quiet", "--force", "origin", "HEAD:change")
    assert world.known_up_to == ""
    world.alice.git("push", "--quiet", "--force", "origin", "HEAD@{1}:change")
    assert world.known_up_to == "", "also where it is back at what it was"


def test_a_branch_that_was_deleted_and_made_again_was_not_only_added_to(world: World) -> None:
    world.alice.git("push", "--quiet", "origin", ":change")
    world.alice.git("push", "--quiet", "origin", "HEAD:change")
    assert world.known_up_to == ""


def test_a_pull_request_that_had_another_base_counts_as_if_its_branch_was_forced(world: World) -> None:
    world.alice.git("push", "--quiet", "origin", "origin/main:refs/heads/release")
    for base in ("release", "main"):
        world.repository.change_base(1, base)
        assert world.known_up_to == ""


def test_small_texts_come_by_their_ids_with_one_question(world: World) -> None:
    files = {"text.md": "grün\n".encode(), "binary": b"\0\1", "latin": b"gr\xfcn", "long": b"x" * 10**6, "empty": b""}
    for path, data in files.items():
        world.alice.write(path, data)
    world.alice.commit("docs: Files")
    world.alice.push()
    ids = {name: blob_id(data) for name, data in files.items()}
    world.cost.reads = 0
    answered = world.client.blobs([*ids.values(), "1" * 40])
    assert answered == {ids["text.md"]: files["text.md"], ids["empty"]: b""}
    assert world.cost.reads == 1


def test_each_request_is_counted_by_whether_it_writes(world: World) -> None:
    world.cost.reads = world.cost.writes = 0
    world.client.conversation(1)
    world.client.pull(1)
    list(world.client.pushes("change"))
    world.client.permission("alice")
    world.client.react(world.repository.comment(1, author="alice", body="x").id, "eyes")
    assert (world.cost.reads, world.cost.writes, world.cost.fetches) == (4, 1, 0)
    assert str(world.cost) == "5 API requests (4 reads, 1 writes), 0 git fetches"
