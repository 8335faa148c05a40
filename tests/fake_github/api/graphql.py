"""The GraphQL API: GitHub's schema, cut to what is asked, over the same state.

Mutations and queries are functions of `Query` and `Mutation`; what they return are plain mappings by field.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLResolveInfo, build_schema, execute_sync, parse, validate

from tests.fake_github import issues
from tests.fake_github.accounts import Role
from tests.fake_github.api import branches
from tests.fake_github.api.blobs import blob
from tests.fake_github.api.branches import Refused, commit_node
from tests.fake_github.api.call import Answer, Call
from tests.fake_github.api.pull_nodes import actor, reviews, timeline
from tests.fake_github.lateness import is_shown, shown_head
from tests.fake_github.records import Comment
from tests.fake_github.refusals import HttpError, malformed
from tests.fake_github.serializers.templates import instant
from tests.fake_github.state import Pull, RepositoryState

PATH = "/graphql"
SCHEMA = build_schema(Path(__file__).with_name("schema.graphql").read_text(encoding="utf-8"))
_OPERATION = re.compile(r"\s*(query|mutation)\s+(\w+)")

_REACTIONS = {"EYES": "eyes", "THUMBS_DOWN": "-1", "THUMBS_UP": "+1", "ROCKET": "rocket"}

Node = Mapping[str, Any]


def operation_of(query: str) -> tuple[str, str]:
    """Return what a document is, query or mutation, and its name; a document without a name counts as a query."""
    found = _OPERATION.match(query)
    return (found[1], found[2]) if found else ("query", "")


def answer_query(call: Call) -> Answer:
    """Answer one document. Refused fields are errors beside the data, with status 200."""
    if call.credential is None:
        raise HttpError(401, "Requires authentication")
    fields = call.fields()
    query, variables = fields.get("query"), fields.get("variables") or {}
    if not isinstance(query, str):
        raise malformed("A query attribute must be specified and must be a string.")
    document, errors = _read(query)
    payload: dict[str, Any] = {"data": None}
    if document and not errors:
        with call.hub.lock:
            result = execute_sync(SCHEMA, document, _Root(call), variable_values=variables)
        payload, errors = {"data": result.data}, result.errors or []
    if errors:
        payload["errors"] = [_shown(error) for error in errors]
    return Answer(200, payload)


@functools.lru_cache(maxsize=1000)
def _read(query: str) -> tuple[DocumentNode | None, list[GraphQLError]]:
    """Return a document as the schema allows it, and what is wrong with it; the same text is read once."""
    try:
        document = parse(query)
    except GraphQLError as problem:
        return None, [problem]
    return document, validate(SCHEMA, document)


def _shown(error: GraphQLError) -> dict[str, Any]:
    cause = error.original_error or error
    if isinstance(cause, HttpError):
        cause = Refused("NOT_FOUND" if cause.status == 404 else "UNPROCESSABLE", cause.message)
    kind = {"type": cause.kind} if isinstance(cause, Refused) else {}
    message = str(cause.message) if isinstance(cause, Refused) else error.message
    return {**kind, "path": error.path or [], "message": message}


@dataclass
class _Root:
    """The fields of Query."""

    call: Call

    def repository(self, _: GraphQLResolveInfo[Any], owner: str, name: str) -> Node:
        repo = readable(self.call, f"{owner}/{name}")
        return {
            "id": node_id(repo),
            "nameWithOwner": repo.full_name,
            "object": lambda _, **asked: _object(self.call, repo, **asked),
            "pullRequest": lambda _, number: _pull(self.call, repo, number),
            "pullRequests": lambda _, **asked: _pulls(self.call, repo, **asked),
            "ref": lambda _, qualifiedName: branches.ref(repo, qualifiedName),  # noqa: N803 - GitHub's name
            **branches.merge_settings(repo),
        }

    def addReaction(self, _: GraphQLResolveInfo[Any], input: Node) -> Node:  # noqa: A002, N802 - GitHub's names
        """Put a reaction on a comment, or leave the one that is there already."""
        repo, comment = _writable_comment(self.call, input["subjectId"])
        issues.react(repo, comment, self.call.user, _REACTIONS[input["content"]])
        return {"subject": _comment(comment, repo.pulls.get(comment.number), self.call, repo)}

    def minimizeComment(self, _: GraphQLResolveInfo[Any], input: Node) -> Node:  # noqa: A002, N802 - GitHub's names
        """Show a comment folded, for a reason; one that is folded already gets the new reason."""
        repo, comment = _writable_comment(self.call, input["subjectId"])
        comment.minimized_reason = input["classifier"].lower().replace("_", "-")
        return {"minimizedComment": _comment(comment, repo.pulls.get(comment.number), self.call, repo)}

    def createCommitOnBranch(self, _: GraphQLResolveInfo[Any], input: Node) -> Node:  # noqa: A002, N802 - GitHub's names
        repo = readable(self.call, input["branch"]["repositoryNameWithOwner"])
        require(self.call, repo, "contents", "write")
        return branches.create_commit_on_branch(self.call, repo, input)

    def updateRefs(self, _: GraphQLResolveInfo[Any], input: Node) -> Node:  # noqa: A002, N802 - GitHub's names
        known = [repo for repo in self.call.hub.repositories.values() if node_id(repo) == input["repositoryId"]]
        if not known:
            raise Refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{input['repositoryId']}'")
        repo = readable(self.call, known[0].full_name)
        require(self.call, repo, "contents", "write")
        return branches.update_refs(self.call, repo, input)


def node_id(repo: RepositoryState) -> str:
    """Return the global id of a repository, which REST calls `node_id`."""
    return f"R_kwDO{repo.id}"


def readable(call: Call, full_name: str) -> RepositoryState:
    """Return a repository that the caller may see."""
    try:
        repo = call.hub.repository(full_name)
    except HttpError:
        repo = None
    assert call.credential is not None
    app, home = call.credential.app, repo is not None and call.credential.repository_id == repo.id
    if repo is None or (repo.private and not home if app else repo.role_of(call.credential.user) is Role.NONE):
        raise Refused("NOT_FOUND", f"Could not resolve to a Repository with the name '{full_name}'.")
    return repo


def require(call: Call, repo: RepositoryState, area: str, level: str) -> None:
    """Refuse an App's token without a permission, and a person who may not write."""
    assert call.credential is not None
    if call.credential.app:
        home = call.credential.repository_id == repo.id
        allowed = (home and call.credential.grants(area, level)) or (level == "read" and not repo.private)
        message = "Resource not accessible by integration"
    else:
        allowed = repo.role_of(call.credential.user) >= (Role.READ if level == "read" else Role.WRITE)
        message = f"{call.credential.user.login} does not have the correct permissions to execute this"
    if not allowed:
        raise Refused("FORBIDDEN", message)


def _writable_comment(call: Call, subject: str) -> tuple[RepositoryState, Comment]:
    """Return a comment by its global id, for who may write on its pull request or issue."""
    for repo in call.hub.repositories.values():
        for comment in repo.comments.values():
            if comment_id(comment) == subject:
                readable(call, repo.full_name)
                require(call, repo, "pull_requests" if comment.number in repo.pulls else "issues", "write")
                return repo, comment
    raise Refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{subject}'")


def _object(call: Call, repo: RepositoryState, oid: str | None = None, expression: str | None = None) -> Node | None:
    require(call, repo, "contents", "read")
    name = oid or expression or ""
    found = repo.git.resolve(name, "object")
    if found is None:
        return None
    kind = repo.git.kind(found)
    if kind == "commit":
        return _with_status(repo, found)
    return blob(repo.git, found) if kind == "blob" else {"__typename": "Tree", "oid": found}


def _pulls(
    call: Call,
    repo: RepositoryState,
    baseRefName: str,  # noqa: N803 - GitHub's name
    states: Sequence[str],
    first: int,
    after: str | None = None,
    **_: Any,
) -> Node:
    """Return the pull requests into a branch, the newest first."""
    into = [pull for pull in repo.pulls.values() if pull.base_ref == baseRefName]
    found = [pull for pull in reversed(into) if ("MERGED" if pull.merged else pull.state.upper()) in states]
    start = int(after) if after else 0
    shown = found[start : start + first]
    return {
        "nodes": [_pull(call, repo, pull.number) for pull in shown],
        "pageInfo": {"endCursor": str(start + len(shown)), "hasNextPage": start + len(shown) < len(found)},
    }


def _pull(call: Call, repo: RepositoryState, number: int) -> Node:
    require(call, repo, "pull_requests", "read")
    if number not in repo.pulls:
        raise Refused("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
    pull = repo.pulls[number]
    head, comments = shown_head(pull), [one for one in repo.comments_on(number) if is_shown(repo.hub, one.created_at)]
    return {
        "author": actor(pull.user),
        "baseRefName": pull.base_ref,
        "comments": lambda _, **page: _comments(comments, pull, call, repo, **page),
        "commits": lambda _, last: _commits(repo, pull, head, last),
        "headRefName": pull.head_ref,
        "headRefOid": head,
        "headRepository": {"id": node_id(pull.head)},
        "isCrossRepository": pull.head is not repo,
        "isDraft": pull.draft,
        "mergeCommit": commit_node(repo.git, pull.merge_commit_sha) if pull.merged and pull.merge_commit_sha else None,
        "merged": pull.merged,
        "mergedAt": instant(pull.merged_at) if pull.merged_at else None,
        "number": number,
        "reviews": lambda _, last, states, before=None: reviews(pull, last, states, before),
        "state": "MERGED" if pull.merged else pull.state.upper(),
        "timelineItems": lambda _, first, itemTypes: timeline(pull, first, itemTypes),  # noqa: N803 - GitHub's name
        "title": pull.title,
    }


def _comments(
    comments: Sequence[Comment],
    pull: Pull,
    call: Call,
    repo: RepositoryState,
    first: int | None = None,
    after: str | None = None,
) -> Node:
    if first is None or not 1 <= first <= 100:
        message = (
            "You must provide a `first` or `last` value of 1 to 100 to properly paginate the `comments` connection."
        )
        raise Refused("MISSING_PAGINATION_BOUNDARIES", message)
    start = int(after) if after else 0
    shown = comments[start : start + first]
    return {
        "nodes": [_comment(comment, pull, call, repo) for comment in shown],
        "pageInfo": {"endCursor": str(start + len(shown)), "hasNextPage": start + len(shown) < len(comments)},
        "totalCount": len(comments),
    }


def comment_id(comment: Comment) -> str:
    """Return the global id of a comment, which REST calls `node_id`."""
    return f"IC_kwDO{comment.id}"


def _comment(comment: Comment, pull: Pull | None, call: Call, repo: RepositoryState) -> Node:
    kind = "pull" if pull else "issues"
    return {
        "__typename": "IssueComment",
        "author": actor(comment.user),
        "body": comment.body.replace("\r\n", "\n"),  # events tell it as it was typed; GitHub says nothing of either
        "createdAt": instant(comment.created_at),
        "fullDatabaseId": str(comment.id),
        "id": comment_id(comment),
        "isMinimized": comment.minimized_reason is not None,
        "lastEditedAt": instant(comment.edited_at) if comment.edited_at else None,
        "minimizedReason": comment.minimized_reason,
        "pullRequest": lambda _: _pull(call, repo, comment.number) if pull else None,
        "url": f"{repo.hub.server_url}/{repo.full_name}/{kind}/{comment.number}#issuecomment-{comment.id}",
    }


def _commits(repo: RepositoryState, pull: Pull, head: str, last: int) -> Node:
    own = [commit.sha for commit in repo.git.commits(f"{pull.base_sha}..{head}")]
    return {"totalCount": len(own), "nodes": [{"commit": _with_status(repo, sha)} for sha in own[-last:]]}


def _with_status(repo: RepositoryState, sha: str) -> Node:
    """Return a commit with the newest status of each context."""
    on = (status for status in repo.statuses if status.sha == sha and is_shown(repo.hub, status.created_at))
    newest = {status.context: status for status in on}
    contexts = [
        {
            "context": status.context,
            "createdAt": instant(status.created_at),
            "creator": actor(status.user),
            "description": status.description,
            "state": status.state.upper(),
        }
        for status in newest.values()
    ]
    return {**commit_node(repo.git, sha), "status": {"contexts": contexts} if contexts else None}
