"""Endpoints about git objects and refs, and a branch's rules: https://docs.github.com/rest/git"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fake_github.api.call import Answer, Call
from tests.fake_github.api.routing import route
from tests.fake_github.bare import WEB_FLOW, ZERO, Person
from tests.fake_github.pulls import refresh
from tests.fake_github.refusals import HttpError, malformed
from tests.fake_github.serializers.templates import Json, fill
from tests.fake_github.state import RepositoryState

MODES = ("100644", "100755", "040000", "160000", "120000")
WRITE = "contents:write"


@route("POST", "/git/trees", needs=WRITE)
def create_tree(call: Call) -> Answer:
    """https://docs.github.com/rest/git/trees#create-a-tree"""
    git, base = call.repo.git, call.optional_text("base_tree")
    base_tree = git.resolve(base, "tree") if base else None
    if base and base_tree is None:
        raise HttpError(404, "Not Found")
    entries = call.fields().get("tree")
    if not isinstance(entries, list) or not entries:
        raise malformed('"tree" wasn\'t supplied.')
    tree = git.write_tree(base_tree, [_entry(call, entry) for entry in entries])
    lines = [line.split() for line in git.run("ls-tree", tree).splitlines()]
    shown = [{"mode": mode, "type": kind, "sha": sha, "path": path} for mode, kind, sha, path in lines]
    return Answer(201, {"sha": tree, "url": f"{_url(call)}/trees/{tree}", "tree": shown, "truncated": False})


@route("GET", "/git/trees/<sha>", needs="contents:read")
def get_tree(call: Call) -> Answer:
    """https://docs.github.com/rest/git/trees#get-a-tree; a commit stands for its tree"""
    git, wanted = call.repo.git, call.params["sha"]
    tree = git.resolve(wanted, "tree")
    if tree is None:
        raise HttpError(404, "Not Found")
    flags = ["-r", "-t"] if call.query.get("recursive") else []
    shown = []
    for line in filter(None, git.run("ls-tree", "-z", "-l", *flags, tree).split("\0")):
        about, _, path = line.partition("\t")
        mode, kind, sha, size = about.split()
        sized = {"size": int(size)} if kind == "blob" else {}
        shown.append({"mode": mode, "type": kind, "sha": sha, "path": path, **sized})
    return Answer(200, {"sha": tree, "url": f"{_url(call)}/trees/{tree}", "tree": shown, "truncated": False})


def _entry(call: Call, entry: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Return a path with its mode and object; a `sha` of null takes it out."""
    if entry.get("mode") not in MODES or ("sha" in entry) == ("content" in entry):
        raise malformed("tree.mode must be a mode, beside either tree.sha or tree.content")
    if "content" in entry:
        return entry["path"], entry["mode"], call.repo.git.write_blob(entry["content"].encode())
    sha = entry["sha"]
    if sha is not None and entry["mode"] != "160000" and call.repo.git.resolve(sha, "object") is None:
        raise HttpError(422, f"tree.sha {sha} is not a valid {entry.get('type')}")
    return entry["path"], entry["mode"], sha


@route("POST", "/git/commits", needs=WRITE)
def create_commit(call: Call) -> Answer:
    """https://docs.github.com/rest/git/commits#create-a-commit

    GitHub signs what an App makes without naming an author or a committer.
    """
    git, fields, now = call.repo.git, call.fields(), call.hub.now()
    parents: Sequence[str] = fields.get("parents") or []
    tree = git.resolve(call.text("tree"), "tree")
    if tree is None or any(git.resolve(parent) is None for parent in parents):
        raise HttpError(
            422, "Tree SHA does not exist" if tree is None else "Parent SHA does not exist or is not a commit object"
        )
    user = call.user
    is_signed = call.app is not None and not fields.get("author") and not fields.get("committer")
    author = Person(user.login, user.email, now)
    sha = git.commit_tree(tree, parents, call.text("message"), author, Person(*WEB_FLOW, now) if is_signed else author)
    if is_signed:
        call.repo.verified.add(sha)
    verification = {
        "verified": is_signed,
        "reason": "valid" if is_signed else "unsigned",
        "signature": "-----BEGIN PGP SIGNATURE-----" if is_signed else None,
        "payload": git.run("cat-file", "commit", sha) if is_signed else None,
        "verified_at": None,
    }
    links = [
        {"sha": p, "url": f"{_url(call)}/commits/{p}", "html_url": f"{call.repo.clone_url}/commit/{p}"} for p in parents
    ]
    return Answer(
        201, {**fill("git_commit", call.repo, commit=git.commit(sha)), "parents": links, "verification": verification}
    )


@route("POST", "/git/refs", needs=WRITE)
def create_ref(call: Call) -> Answer:
    """https://docs.github.com/rest/git/refs#create-a-reference"""
    name, sha, git = call.text("ref"), call.text("sha"), call.repo.git
    if not name.startswith("refs/") or name.count("/") < 2:
        raise HttpError(422, "Reference name must contain at least three slashes.")
    if git.resolve(sha) is None:
        raise HttpError(422, "Object does not exist")
    if not git.swap(name, sha, ZERO):
        raise HttpError(422, "Reference already exists")
    refresh(call.repo, call.user)
    url = f"{_url(call)}/{name}"
    return Answer(201, fill("git_ref", call.repo, name=name, sha=sha, ref_url=url))


@route("DELETE", "/git/refs/<path:ref>", needs=WRITE)
def delete_ref(call: Call) -> Answer:
    """https://docs.github.com/rest/git/refs#delete-a-reference"""
    name, git = f"refs/{call.params['ref']}", call.repo.git
    sha = git.refs(name.rpartition("/")[0]).get(name)
    if sha is None or not git.swap(name, ZERO, sha):
        raise HttpError(422, "Reference does not exist")
    refresh(call.repo, call.user)
    return Answer(204)


def rules_of(repo: RepositoryState, branch: str) -> list[Json]:
    """Return what `Repository.protect` set, as rules of a ruleset."""
    rule = repo.protections.get(branch)
    rules: list[Json] = []
    if rule and not rule.is_classic:
        review = {
            "allowed_merge_methods": list(rule.merge_methods),
            "dismiss_stale_reviews_on_push": rule.dismisses_approvals,
            "require_code_owner_review": rule.code_owner_review,
            "require_last_push_approval": rule.last_push_approval,
            "required_approving_review_count": rule.required_reviews,
            "required_review_thread_resolution": False,
        }
        rules.append({"type": "pull_request", "parameters": review})
        rules += [{"type": "required_linear_history"}] if rule.linear_history else []
        rules += [{"type": "required_signatures"}] if rule.signed_commits else []
    return rules


def _url(call: Call) -> str:
    return f"{call.hub.api_url}/repos/{call.repo.full_name}/git"
