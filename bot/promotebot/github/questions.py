"""Questions that GraphQL answers at once and REST would with several requests.

https://docs.github.com/en/graphql/reference
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from promotebot.errors import CouldNotVerify
from promotebot.github.answers import GHOST, read_time
from promotebot.github.ports import CommitStatus, IssueComment, PullRequest, PullState
from promotebot.github.rest import PAGE, Rest, translated

log = logging.getLogger(__name__)
_REVIEWS = "states: [APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED]"
_WRITTEN = "fullDatabaseId body url createdAt lastEditedAt author { __typename login }"
_REVIEW = f"{_WRITTEN} submittedAt comments(first: 20) {{ nodes {{ {_WRITTEN} }} }}"
"""A review with what it says on lines of code; somebody who replies to that makes a review of its own."""
_LISTED = f"""
fragment Listed on PullRequest {{
  number title state merged mergedAt isDraft headRefOid headRefName baseRefName isCrossRepository
  headRepository {{ id }}
  mergeCommit {{ oid }}
  author {{ __typename login }}
  reviews(last: 50, {_REVIEWS}) {{ totalCount nodes {{ {_WRITTEN} submittedAt }} }}
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
  reviews(last: 50, {_REVIEWS}) {{ nodes {{ {_REVIEW} }} }}
  commits(last: 100) @include(if: $isFirst) {{
    totalCount
    nodes {{
      commit {{ oid {_STATUS} }}
    }}
  }}
  comments(first: $first, after: $after) {{
    nodes {{ id isMinimized {_WRITTEN} }}
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
_ALL_REVIEWS = f"""
query Reviews($owner: String!, $name: String!, $number: Int!, $last: Int!, $before: String) {{
  repository(owner: $owner, name: $name) {{
    pullRequest(number: $number) {{
      number
      reviews(last: $last, before: $before, {_REVIEWS}) {{
        nodes {{ {_REVIEW} }}
        pageInfo {{ hasPreviousPage startCursor }}
      }}
    }}
  }}
}}
"""
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


def all_reviews(rest: Rest, number: int) -> Sequence[IssueComment]:
    """Return what people wrote into every review of a pull request, and on lines of code, the oldest first.

    Raises:
        CouldNotVerify: when GitHub refuses, or does not answer.
    """
    purpose, written = f"read the reviews of #{number}", list[IssueComment]()
    asked = {**_named(rest), "number": number, "last": PAGE, "before": None}
    while True:
        answer = rest.graphql(_ALL_REVIEWS, asked, purpose=purpose, needs="pull-requests: read")
        with translated(purpose):
            pull = answer["repository"]["pullRequest"]
            written = [*_reviews(pull), *written]
            page = pull["reviews"]["pageInfo"]
            if not page["hasPreviousPage"]:
                return written
            asked["before"] = page["startCursor"]


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
    answer = rest.graphql(query, {**_named(rest), "number": number}, purpose=purpose, needs="pull-requests: read")
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
    asked = {**_named(rest), "base": base_ref, "first": PAGE, "after": None}
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
    asked = {**_named(rest), "number": number, "isFirst": True, "first": PAGE, "after": None}
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
    answer = rest.graphql(query, _named(rest), purpose=purpose, needs="contents: read")
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


def _named(rest: Rest) -> dict[str, Any]:
    owner, _, name = rest.repo.full_name.partition("/")
    return {"owner": owner, "name": name}


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
        author=_login(node["author"]),
        head_sha=str(node["headRefOid"]),
        head_ref=str(node["headRefName"]),
        base_ref=str(node["baseRefName"]),
        is_fork=bool(node["isCrossRepository"]) or node["headRepository"] is None,  # a fork that was deleted
        commit_statuses=_statuses(node),
        only_added_to="" if node["timelineItems"]["nodes"] else str(node["headRefOid"]),
        reviews=tuple(_reviews(node)),
        has_all_reviews=int(node["reviews"]["totalCount"]) <= len(node["reviews"]["nodes"]),
    )


def _reviews(node: Mapping[str, Any]) -> Iterator[IssueComment]:
    """Yield what people wrote into reviews; what an App wrote, or an account that was deleted, is nobody's."""
    for review in node["reviews"]["nodes"]:
        for one in (review, *review.get("comments", {"nodes": ()})["nodes"]):
            if one["author"] and one["author"]["__typename"] == "User":
                yield _written(one, int(node["number"]), submitted=review["submittedAt"])


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
            _login(one["creator"]),
            str(one["description"] or ""),
            read_time(one["createdAt"]),
        )
        for one in found["contexts"]
    )


def _comment(node: Mapping[str, Any], number: int) -> IssueComment:
    return replace(_written(node, number), node_id=str(node["id"]), is_minimized=bool(node["isMinimized"]))


def _written(node: Mapping[str, Any], number: int, *, submitted: str | None = None) -> IssueComment:
    """Return what somebody wrote; what a review says is there for others to read only since it was submitted."""
    times = [read_time(time) for time in (node["createdAt"], node["lastEditedAt"], submitted) if time]
    author, url = _login(node["author"]), str(node["url"])
    return IssueComment(int(node["fullDatabaseId"]), number, str(node["body"]), author, url, written_at=max(times))


def _login(actor: Mapping[str, Any] | None) -> str:
    """Return an account's login as REST has it, where an App's ends with `[bot]`, which nobody else's can."""
    if actor is None:
        return GHOST
    return f"{actor['login']}[bot]" if actor["__typename"] == "Bot" else str(actor["login"])
