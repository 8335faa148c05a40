"""The embedded GitHub answers GraphQL over the same state as REST, by GitHub's schema and with its errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.fake_github.faults import Fault

from .conftest import World

PULL = """query Pull($number: Int!) {
  repository(owner: "acme", name: "models") {
    pullRequest(number: $number) {
      author { login } baseRefName headRefName headRefOid isCrossRepository isDraft merged state title
      comments(first: 2) {
        nodes { author { login __typename } body fullDatabaseId }
        pageInfo { hasNextPage }
        totalCount
      }
    }
  }
}"""


def ask(world: World, document: str, variables: Mapping[str, Any], *, token: str | None = None) -> Any:
    url = f"{world.hub.server_url}/api/graphql"
    return world.http("POST", url, token or world.bot_token(), {"query": document, "variables": {**variables}}).body


def test_a_pull_request_and_its_comments_come_with_one_question(world: World) -> None:
    pull = world.pull()
    bot = world.bot_token()
    for body in ("one", "two", "three"):
        world.http("POST", "/repos/acme/models/issues/1/comments", bot, {"body": body})
    answered = ask(world, PULL, {"number": 1})["data"]["repository"]["pullRequest"]
    comments = answered.pop("comments")
    assert answered == {
        "author": {"login": "alice"},
        "baseRefName": "main",
        "headRefName": "add-v2",
        "headRefOid": pull.head_sha,
        "isCrossRepository": False,
        "isDraft": False,
        "merged": False,
        "state": "OPEN",
        "title": pull.title,
    }
    assert [comment["body"] for comment in comments["nodes"]] == ["one", "two"]
    assert comments["nodes"][0]["author"] == {"login": "github-actions", "__typename": "Bot"}  # no [bot] behind it
    assert (comments["pageInfo"]["hasNextPage"], comments["totalCount"]) == (True, 3)


def test_blobs_come_by_id_with_what_is_not_text_left_out(world: World) -> None:
    world.pull(files={"a.txt": "text\n"})
    git = world.repo.git
    oids = dict(
        line.split("\t")[::-1] for line in git.run("ls-tree", "add-v2", "--format=%(objectname)\t%(path)").splitlines()
    )
    binary = git.run("hash-object", "-w", "--stdin", stdin="a\0b").strip()
    document = """query Blobs($text: GitObjectID!, $binary: GitObjectID!, $none: GitObjectID!) {
      repository(owner: "acme", name: "models") {
        text: object(oid: $text) { ... on Blob { text isBinary isTruncated byteSize } }
        binary: object(oid: $binary) { ... on Blob { text isBinary byteSize } }
        none: object(oid: $none) { oid }
      }
    }"""
    answered = ask(world, document, {"text": oids["a.txt"], "binary": binary, "none": "0" * 39 + "1"})
    assert answered["data"]["repository"] == {
        "text": {"text": "text\n", "isBinary": False, "isTruncated": False, "byteSize": 5},
        "binary": {"text": None, "isBinary": True, "byteSize": 3},
        "none": None,
    }


@pytest.mark.parametrize(
    ("document", "kind", "says"),
    [
        ('{ repository(owner: "acme", name: "gone") { id } }', "NOT_FOUND", "Could not resolve to a Repository"),
        (PULL.replace("$number: Int!", "$number: Int = 99"), "NOT_FOUND", "a PullRequest with the number of 99"),
        (PULL.replace("first: 2", "").replace("comments()", "comments"), "MISSING_PAGINATION_BOUNDARIES", "first"),
        ("{ nobody }", None, "Cannot query field"),
        ("{ repository", None, "Syntax Error"),
    ],
)
def test_what_cannot_be_answered_is_an_error_beside_the_data(
    world: World, document: str, kind: str | None, says: str
) -> None:
    world.pull()
    variables = {} if "99" in document or "number" not in document else {"number": 1}
    (error,) = ask(world, document, variables)["errors"]
    assert (error.get("type"), says in error["message"]) == (kind, True)


def test_a_token_needs_its_permission_and_the_repository_in_sight(world: World) -> None:
    world.pull()
    world.repo.private = True
    weak = world.bot_token(contents="read")
    (error,) = ask(world, PULL, {"number": 1}, token=weak)["errors"]
    assert (error["type"], error["message"]) == ("FORBIDDEN", "Resource not accessible by integration")
    world.hub.add_user("stranger")
    (error,) = ask(world, PULL, {"number": 1}, token=world.token("stranger"))["errors"]
    assert error["type"] == "NOT_FOUND"
    assert world.http("POST", f"{world.hub.server_url}/api/graphql", None, {"query": "{ __typename }"}).status == 401


FOLD = """mutation Fold($comment: ID!, $why: ReportedContentClassifiers = OUTDATED) {
  minimizeComment(input: {subjectId: $comment, classifier: $why}) {
    minimizedComment { isMinimized minimizedReason }
  }
}"""
FOLDED = """{ repository(owner: "acme", name: "models") {
  pullRequest(number: 1) { comments(first: 9) { nodes { id isMinimized minimizedReason } } }
} }"""


def test_a_comment_is_folded_by_who_may_write_on_its_pull_request(world: World) -> None:
    world.pull()
    comments = "/repos/acme/models/issues/1/comments"
    ids = [world.http("POST", comments, world.bot_token(), {"body": body}).body["node_id"] for body in ("one", "two")]
    weak = world.bot_token(pull_requests="read", issues="write")
    (error,) = ask(world, FOLD, {"comment": ids[0]}, token=weak)["errors"]
    assert (error["type"], error["message"]) == ("FORBIDDEN", "Resource not accessible by integration")
    (error,) = ask(world, FOLD, {"comment": "IC_nobody"})["errors"]
    assert (error["type"], "global id of 'IC_nobody'" in error["message"]) == ("NOT_FOUND", True)
    (error,) = ask(world, FOLD, {"comment": ids[0], "why": "BORING"})["errors"]
    assert "BORING" in error["message"]
    answered = ask(world, FOLD, {"comment": ids[0]})["data"]["minimizeComment"]["minimizedComment"]
    assert answered == {"isMinimized": True, "minimizedReason": "outdated"}
    listed = ask(world, FOLDED, {})["data"]["repository"]["pullRequest"]["comments"]["nodes"]
    assert [(one["id"], one["isMinimized"], one["minimizedReason"]) for one in listed] == [
        (ids[0], True, "outdated"),
        (ids[1], False, None),
    ]


def test_a_request_is_logged_and_struck_by_its_operations_name(world: World) -> None:
    world.pull()
    world.hub.inject(Fault("POST", "/graphql/Pull", 502))
    world.hub.requests.clear()
    url = f"{world.hub.server_url}/api/graphql"
    statuses = [
        world.http("POST", url, world.bot_token(), {"query": PULL, "variables": {"number": 1}}).status for _ in "ab"
    ]
    assert statuses == [502, 200]
    assert [(made.path, made.writes) for made in world.hub.requests] == [("/graphql/Pull", False)] * 2
