"""The operations of `git_port.GitData` as requests: objects by REST, branches by GraphQL, which compares and swaps.

GitHub signs a commit that a GitHub App makes so, where neither author nor committer is named:
https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from promotebot.errors import RefChanged
from promotebot.github.answers import read_rules
from promotebot.github.git_port import BranchRules, MadeCommit, TreeChange
from promotebot.github.refused import AlreadyThere, NotFound, Stale
from promotebot.github.rest import Rest, segment, translated

_NEEDS = "contents: write"
_COMMIT = "oid tree { oid } parents(first: 3) { nodes { oid } }"
_CREATE_COMMIT = f"""
mutation CommitOnBranch($input: CreateCommitOnBranchInput!) {{
  createCommitOnBranch(input: $input) {{ commit {{ {_COMMIT} }} }}
}}
"""
_UPDATE_REFS = "mutation MoveBranch($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }"
_TIP = f"""
query Tip($owner: String!, $name: String!, $ref: String!) {{
  repository(owner: $owner, name: $name) {{ ref(qualifiedName: $ref) {{ target {{ ... on Commit {{ {_COMMIT} }} }} }} }}
}}
"""
_SETTINGS = """
query MergeSettings($owner: String!, $name: String!, $ref: String!) {
  repository(owner: $owner, name: $name) {
    id mergeCommitAllowed squashMergeAllowed rebaseMergeAllowed
    ref(qualifiedName: $ref) { refUpdateRule { requiresLinearHistory requiredApprovingReviewCount } }
  }
}
"""
_ID = "query RepositoryId($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { id } }"


class GitDataClient:
    """`promotebot.github.git_port.GitData`, answered by GitHub."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._repository = rest.repo.full_name
        self._node_id = ""
        self._rules: dict[str, BranchRules] = {}

    def commit_on_branch(
        self, branch: str, *, expected: str, message: str, files: Mapping[str, bytes | None]
    ) -> MadeCommit:
        """Commit on a branch, and move it there: https://docs.github.com/en/graphql/reference/mutations#createcommitonbranch

        Raises:
            RefChanged: when the branch stands elsewhere.
            CouldNotVerify: in GitHub's words.
        """
        headline, _, body = message.partition("\n")
        written = {path: base64.b64encode(data).decode() for path, data in files.items() if data is not None}
        wanted = {
            "branch": {"repositoryNameWithOwner": self._repository, "branchName": branch},
            "expectedHeadOid": expected,
            "message": {"headline": headline, "body": body.strip()},
            "fileChanges": {
                "additions": [{"path": path, "contents": contents} for path, contents in written.items()],
                "deletions": [{"path": path} for path in files if path not in written],
            },
        }
        answer = self._swap(_CREATE_COMMIT, wanted, branch, expected)
        with translated(f"commit on {branch}"):
            return _read_commit(answer["createCommitOnBranch"]["commit"])

    def create_tree(self, base_tree: str, changes: Sequence[TreeChange]) -> str:
        """Make a tree: https://docs.github.com/en/rest/git/trees#create-a-tree"""
        wanted = {"base_tree": base_tree, "tree": [_written(change) for change in changes]}
        answer = self._rest.request("POST", "/git/trees", purpose="make a tree", needs=_NEEDS, body=wanted)
        with translated("make a tree"):
            return str(answer["sha"])

    def create_commit(self, message: str, *, tree: str, parents: Sequence[str]) -> MadeCommit:
        """Make a commit: https://docs.github.com/en/rest/git/commits#create-a-commit"""
        wanted = {"message": message, "tree": tree, "parents": list(parents)}
        answer = self._rest.request("POST", "/git/commits", purpose="make a commit", needs=_NEEDS, body=wanted)
        with translated("make a commit"):
            parents = tuple(str(parent["sha"]) for parent in answer["parents"])
            return MadeCommit(str(answer["sha"]), str(answer["tree"]["sha"]), parents)

    def create_branch(self, branch: str, sha: str) -> None:
        """Make a branch: https://docs.github.com/en/rest/git/refs#create-a-reference

        Raises:
            RefChanged: when there is one of that name.
        """
        try:
            self._create(f"refs/heads/{branch}", sha, f"make the branch {branch}")
        except AlreadyThere:
            raise RefChanged(f"the branch {branch} was made meanwhile", remedy="run the job again") from None

    def set_ref(self, ref: str, sha: str | None) -> None:
        """Make a ref, or take it away: https://docs.github.com/en/rest/git/refs#delete-a-reference"""
        if sha is not None:
            with suppress(AlreadyThere):
                self._create(ref, sha, f"make {ref}")
            return
        path = f"/git/refs/{quote(ref.removeprefix('refs/'))}"
        with suppress(NotFound):
            self._rest.request("DELETE", path, purpose=f"take {ref} away", needs=_NEEDS)

    def _create(self, ref: str, sha: str, purpose: str) -> None:
        body = {"ref": ref, "sha": sha}
        self._rest.request("POST", "/git/refs", purpose=purpose, needs=_NEEDS, body=body)

    def move_branch(self, branch: str, sha: str, *, expected: str, force: bool = False) -> None:
        """Move a branch that stands at `expected`: https://docs.github.com/en/graphql/reference/mutations#updaterefs

        REST's own update does not compare: a branch that was set back to an older commit would be moved forward again.

        Raises:
            RefChanged: when the branch stands elsewhere.
        """
        update = {"name": f"refs/heads/{branch}", "beforeOid": expected, "afterOid": sha, "force": force}
        if not self._node_id:
            answer = self._query(_ID, {}, "read the repository")
            with translated("read the repository"):
                self._node_id = str(answer["repository"]["id"])
        self._swap(_UPDATE_REFS, {"repositoryId": self._node_id, "refUpdates": [update]}, branch, expected)

    def tip(self, branch: str) -> MadeCommit:
        """Return the commit that a branch stands at. Raises CouldNotVerify also where there is no such branch."""
        purpose = f"read the branch {branch}"
        answer = self._query(_TIP, {"ref": f"refs/heads/{branch}"}, purpose)
        with translated(purpose):
            return _read_commit(answer["repository"]["ref"]["target"])

    def rules(self, branch: str) -> BranchRules:
        """Return what rulesets, older protection and the settings say, by two requests; asked once.

        https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch
        """
        if branch not in self._rules:
            self._rules[branch] = self._read_rules(branch)
        return self._rules[branch]

    def _read_rules(self, branch: str) -> BranchRules:
        purpose = f"read the rules of {branch}"
        answer = self._query(_SETTINGS, {"ref": f"refs/heads/{branch}"}, purpose)
        try:
            rules = self._rest.listed(dict, f"/rules/branches/{segment(branch)}", purpose=purpose, needs="")
        except NotFound:  # an older Enterprise Server, which has no rulesets
            rules = []
        with translated(purpose):
            self._node_id = str(answer["repository"]["id"])
            return read_rules(answer["repository"], rules)

    def _query(self, query: str, variables: Mapping[str, Any], purpose: str) -> Any:
        owner, _, name = self._repository.partition("/")
        return self._rest.graphql(query, {"owner": owner, "name": name, **variables}, purpose=purpose)

    def _swap(self, mutation: str, wanted: Mapping[str, Any], branch: str, expected: str) -> Any:
        """Make a change that GitHub makes only where the branch stands at `expected`."""
        try:
            return self._rest.graphql(mutation, {"input": wanted}, purpose=f"move {branch}", needs=_NEEDS, writes=True)
        except Stale:
            message = f"{branch} moved away from {expected[:7]}"
            raise RefChanged(message, remedy="repeat the request on the new head") from None


def _read_commit(answer: Mapping[str, Any]) -> MadeCommit:
    parents = tuple(str(parent["oid"]) for parent in answer["parents"]["nodes"])
    return MadeCommit(str(answer["oid"]), str(answer["tree"]["oid"]), parents)


def _written(change: TreeChange) -> dict[str, Any]:
    """Return a path as a tree takes it."""
    kind = "commit" if change.mode == "160000" else "blob"
    content = {"content": change.content} if change.content is not None else {"sha": change.oid}
    return {"path": change.path, "mode": change.mode, "type": kind, **content}
