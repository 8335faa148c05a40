"""Questions that GraphQL answers at once and REST would with several requests.

https://docs.github.com/en/graphql/reference
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from promotebot.errors import CouldNotVerify
from promotebot.github.answers import read_time
from promotebot.github.ports import CommitStatus, IssueComment, PullRequest, PullState
from promotebot.github.rest import PAGE, Rest, translated
from promotebot.github.reviews import (
    REVIEW,
    STATES,
    VERDICT,
    WRITTEN,
    login_of,
    read_reviews,
    read_verdicts,
    read_written,
)

log = logging.getLogger(__name__)
_LISTED = f"""
fragment Listed on PullRequest {{
  number title state merged mergedAt isDraft headRefOid headRefName baseRefName isCrossRepository
  headRepository {{ id }}
  mergeCommit {{ oid }}
  author {{ __typename login }}
  reviews(last: 50, {STATES}) {{ totalCount nodes {{ {WRITTEN} {VERDICT} }} }}
  timelineItems(first: 1, itemTypes: [
    HEAD_REF_FORCE_PUSHED_EVENT, HEAD_REF_DELETED_EVENT, HEAD_REF_RESTORED_EVENT,
    BASE_REF_CHANGED_EVENT, BASE_REF_FORCE_PUSHED_EVENT, AUTOMATIC_BASE_CHANGE_SUCCEEDED_EVENT
  ]) {{ nodes {{ __typename }} }}
}}
"""
_OPEN = f"""
query Open($owner: String!, $name: String!, $base: String!, $first: Int!, $after: String) {{
  repository(owner: $owner, name: $name) {{
    pullRequests(
      states: OPEN, baseRefName: $base, first: $first, after: $after, orderBy: {{field: CREATED_AT, direction: DESC}}
    ) {{ nodes {{ ...Listed }} pageInfo {{ hasNextPage endCursor }} }}
  }}
}}
{_LISTED}"""
_STATUS = "status { contexts { context state description createdAt creator { __typename login } } }"
_PULL = f"""{_LISTED}
fragment Pull on PullRequest {{
  ...Listed
  reviews(last: 50, {STATES}) {{ nodes {{ {REVIEW} }} }}
  commits(last: 100) @include(if: $isFirst) {{
    totalCount
    nodes {{
      commit {{ oid {_STATUS} }}
    }}
  }}
  comments(first: $first, after: $after) {{
    nodes {{ id isMinimized {WRITTEN} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
_CONVERSATION = f"""
query Conversation($owner: String!, $name: String!, $number: Int!, $isFirst: Boolean!, $first: Int!, $after: String) {{
  repository(owner: $owner, name: $name) {{ pullRequest(number: $number) {{ ...Pull }} }}
}}
{_PULL}"""
# What a mutation changed can be asked about with it: https://docs.github.com/en/graphql/guides/forming-calls-with-graphql
_SEEN = f"""
mutation Seen($comment: ID!, $isFirst: Boolean!, $first: Int!, $after: String) {{
  addReaction(input: {{subjectId: $comment, content: EYES}}) {{
    subject {{ ... on IssueComment {{ pullRequest {{ ...Pull }} }} }}
  }}
}}
{_PULL}"""
_BLOB = "... on Blob { text isBinary isTruncated }"


def conversation(rest: Rest, number: int, *, seen: str = "") -> tuple[PullRequest, Sequence[IssueComment]]:
    """Return a pull request and every comment on it, the oldest first.

    Args:
        seen: the global id of a comment that gets 👀 with the same request; a reaction that fails changes nothing.

    Raises:
        CouldNotVerify: when GitHub refuses, or does not answer.
    """
    purpose = f"read pull request #{number}"
    first = _seen(rest, seen, number, purpose) if seen else None
    pages = list(_pages(rest, number, purpose, first))
    with translated(purpose):
        comments = [_comment(node, number) for page in pages for node in page["comments"]["nodes"]]
        return _pull(pages[0]), comments


def look_again(rest: Rest, number: int, commits: Sequence[str]) -> PullState:
    """Return where a pull request stands now, and the newest statuses of some commits.

    Raises:
        CouldNotVerify: when GitHub refuses, or does not answer.
    """
    purpose = f"look at pull request #{number} again"
    fields = " ".join(
        f'c{index}: object(oid: "{sha}") {{ ... on Commit {{ {_STATUS} }} }}' for index, sha in enumerate(commits)
    )
    query = (
        "query Again($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) "
        f"{{ pullRequest(number: $number) {{ state baseRefName }} {fields} }} }}"
    )
    answer = rest.graphql(query, {**rest.named, "number": number}, purpose=purpose, needs="pull-requests: read")
    with translated(purpose):
        found = answer["repository"]
        pull = found["pullRequest"]
        statuses = {sha: _read_statuses(found[f"c{index}"]) for index, sha in enumerate(commits)}
        return PullState("open" if pull["state"] == "OPEN" else "closed", str(pull["baseRefName"]), statuses)


def open_pulls(rest: Rest, base_ref: str) -> Sequence[PullRequest]:
    """Return the open pull requests into a branch, the newest first: a question for each hundred of them.

    Raises:
        CouldNotVerify: when GitHub refuses, or does not answer.
    """
    purpose, pulls = "list pull requests", list[PullRequest]()
    asked = {**rest.named, "base": base_ref, "first": PAGE, "after": None}
    while True:
        answer = rest.graphql(_OPEN, asked, purpose=purpose, needs="pull-requests: read")
        with translated(purpose):
            found = answer["repository"]["pullRequests"]
            pulls += [_pull(node) for node in found["nodes"]]
            if not found["pageInfo"]["hasNextPage"]:
                return pulls
            asked["after"] = found["pageInfo"]["endCursor"]


def _seen(rest: Rest, comment: str, number: int, purpose: str) -> Mapping[str, Any] | None:
    """Put 👀 on a comment, and return the pull request that it stands on; None where that did not work."""
    try:
        asked = {"comment": comment, "isFirst": True, "first": PAGE, "after": None}
        answer = rest.graphql(_SEEN, asked, purpose="react", needs="pull-requests: write", writes=True)
        with translated(purpose):
            pull: Mapping[str, Any] = answer["addReaction"]["subject"]["pullRequest"]
            return pull if pull["number"] == number else None
    except CouldNotVerify as problem:
        log.warning("no reaction: %s", problem)
        return None


def _pages(rest: Rest, number: int, purpose: str, first: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    # Every page has the comments that follow; the commits and their statuses come with the first alone.
    asked = {**rest.named, "number": number, "isFirst": True, "first": PAGE, "after": None}
    needs = "pull-requests: read"
    while True:
        answer = {} if first else rest.graphql(_CONVERSATION, asked, purpose=purpose, needs=needs)
        with translated(purpose):
            pull, first = first or answer["repository"]["pullRequest"], None
            follows = pull["comments"]["pageInfo"]
        yield pull
        if not follows["hasNextPage"]:
            return
        asked |= {"isFirst": False, "after": follows["endCursor"]}


def blobs(rest: Rest, oids: Sequence[str]) -> Mapping[str, bytes]:
    """Return files by git's object ids, but for those that are binary or long, which GitHub does not show whole.

    Raises:
        CouldNotVerify: when GitHub refuses, or does not answer.
    """
    purpose = "read files of the repository"
    fields = " ".join(f'b{index}: object(oid: "{oid}") {{ {_BLOB} }}' for index, oid in enumerate(oids))
    query = f"query Files($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name) {{ {fields} }} }}"
    answer = rest.graphql(query, rest.named, purpose=purpose, needs="contents: read")
    with translated(purpose):
        files = {oid: answer["repository"][f"b{index}"] for index, oid in enumerate(oids)}
        whole = {oid: file for oid, file in files.items() if file and file.get("text") is not None}
        return {oid: str(file["text"]).encode() for oid, file in whole.items() if not file["isTruncated"]}


def minimize(rest: Rest, node_ids: Sequence[str]) -> None:
    """Fold comments as outdated, all with one request; GitHub may have folded some of them where it refuses others.

    Raises:
        CouldNotVerify: when GitHub refuses one, or does not answer.
    """
    names = [f"c{index}" for index in range(len(node_ids))]
    fold = "minimizeComment(input: {{subjectId: ${0}, classifier: OUTDATED}}) {{ minimizedComment {{ isMinimized }} }}"
    fields = " ".join(f"{name}: {fold.format(name)}" for name in names)
    mutation = f"mutation Minimize({', '.join(f'${name}: ID!' for name in names)}) {{ {fields} }}"
    asked = dict(zip(names, node_ids, strict=True))
    rest.graphql(mutation, asked, purpose="fold an older answer", needs="pull-requests: write", writes=True)


def _pull(node: Mapping[str, Any]) -> PullRequest:
    """Return a pull request, in REST's words where they differ."""
    return PullRequest(
        number=int(node["number"]),
        title=str(node["title"]),
        state="open" if node["state"] == "OPEN" else "closed",
        merged=bool(node["merged"]),
        merged_at=read_time(node["mergedAt"]) if node["mergedAt"] else None,
        merge_commit_sha=str(node["mergeCommit"]["oid"]) if node["mergeCommit"] else None,
        draft=bool(node["isDraft"]),
        author=login_of(node["author"]),
        head_sha=str(node["headRefOid"]),
        head_ref=str(node["headRefName"]),
        base_ref=str(node["baseRefName"]),
        is_fork=bool(node["isCrossRepository"]) or node["headRepository"] is None,  # a fork that was deleted
        commit_statuses=_statuses(node),
        only_added_to="" if node["timelineItems"]["nodes"] else str(node["headRefOid"]),
        reviews=tuple(read_reviews(node)),
        verdicts=tuple(read_verdicts(node)),
        has_all_reviews=int(node["reviews"]["totalCount"]) <= len(node["reviews"]["nodes"]),
    )


def _statuses(node: Mapping[str, Any]) -> Mapping[str, tuple[CommitStatus, ...]] | None:
    """Return the newest status of each context on each commit; None where these are not all of them."""
    commits = node.get("commits")
    if commits is None or commits["totalCount"] > len(commits["nodes"]):
        return None
    return {str(one["commit"]["oid"]): _read_statuses(one["commit"]) for one in commits["nodes"]}


def _read_statuses(commit: Mapping[str, Any] | None) -> tuple[CommitStatus, ...]:
    found = (commit or {}).get("status") or {"contexts": []}
    return tuple(
        CommitStatus(
            str(one["context"]),
            str(one["state"]).lower(),
            login_of(one["creator"]),
            str(one["description"] or ""),
            read_time(one["createdAt"]),
        )
        for one in found["contexts"]
    )


def _comment(node: Mapping[str, Any], number: int) -> IssueComment:
    return replace(read_written(node, number), node_id=str(node["id"]), is_minimized=bool(node["isMinimized"]))
