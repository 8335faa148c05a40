"""Endpoints about what administrators set: rules of branches, Actions, labels, code owners, environments, teams."""

from __future__ import annotations

from tests.fake_github.accounts import Role
from tests.fake_github.api.call import Answer, Call, require_short
from tests.fake_github.api.git_data import rules_of
from tests.fake_github.api.issues import LABEL_LIMIT, READ, WRITE
from tests.fake_github.api.routing import route
from tests.fake_github.records import Label
from tests.fake_github.refusals import HttpError, invalid, not_found
from tests.fake_github.serializers import issues as serializers
from tests.fake_github.serializers.templates import Json, fill
from tests.fake_github.state import RepositoryState

CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


@route("GET", "/rules/branches/<path:branch>", needs="metadata:read")
def get_branch_rules(call: Call) -> Answer:
    """https://docs.github.com/rest/repos/rules#get-rules-for-a-branch: rulesets only, for whoever may read"""
    source = {"ruleset_source_type": "Repository", "ruleset_source": call.repo.full_name, "ruleset_id": 42}
    branch = call.params["branch"]
    rules = [*rules_of(call.repo, branch), *call.repo.settings.rules.get(branch, [])]
    return call.page(rules, lambda rule: {**rule, **source})


@route("GET", "/branches/<path:branch>", needs="contents:read")
def get_branch(call: Call) -> Answer:
    """Return a branch and, of its classic protection, the required checks: the rest is for administrators.

    https://docs.github.com/rest/branches/branches#get-a-branch
    """
    name = call.params["branch"]
    sha = call.repo.git.branch(name)
    if sha is None:
        raise HttpError(404, "Branch not found")
    found = _protection(call.repo, name)
    nothing: Json = {"contexts": [], "checks": []}
    checks = {"enforcement_level": "off" if found is None else "everyone", **nothing}
    protection = {
        "enabled": found is not None,
        "required_status_checks": {**checks, **((found or {}).get("required_status_checks") or {})},
    }
    commit = call.repo.git.commit(sha)
    when = commit.committer.when.isoformat()
    return Answer(
        200,
        fill("branch", call.repo, name=name, commit=commit, when=when, protected=bool(found), protection=protection),
    )


@route("GET", "/branches/<path:branch>/protection", needs="administration:read", role=Role.READ, public=False)
def get_protection(call: Call) -> Answer:
    """https://docs.github.com/rest/branches/branch-protection#get-branch-protection: only administrators see it"""
    if call.credential and call.credential.app is None and call.role < Role.ADMIN:
        raise not_found()
    found = _protection(call.repo, call.params["branch"])
    if found is None:
        raise HttpError(404, "Branch not protected")
    return Answer(200, found)


@route("GET", "/actions/permissions/workflow", needs="administration:read", role=Role.ADMIN, public=False)
def get_workflow_permissions(call: Call) -> Answer:
    """https://docs.github.com/rest/actions/permissions#get-default-workflow-permissions-for-a-repository"""
    permissions, may = call.repo.settings.default_permissions, call.repo.actions_may_open_pulls
    return Answer(200, {"default_workflow_permissions": permissions, "can_approve_pull_request_reviews": may})


@route("GET", "/labels", needs=READ)
def list_repository_labels(call: Call) -> Answer:
    return call.page(list(call.repo.labels.values()), lambda label: serializers.label(call.repo, label))


@route("POST", "/labels", needs=WRITE)
def create_label(call: Call) -> Answer:
    """https://docs.github.com/rest/issues/labels#create-a-label"""
    name = call.text("name")
    require_short(name, "name", "Label", LABEL_LIMIT)
    if name.lower() in call.repo.labels:
        raise invalid("Label", "name", "already_exists")
    color = (call.optional_text("color") or "ededed").removeprefix("#")
    label = Label(call.hub.next_id(), name, color, call.optional_text("description"))
    call.repo.labels[name.lower()] = label
    return Answer(201, serializers.label(call.repo, label))


@route("GET", "/codeowners/errors", needs="contents:read")
def list_codeowners_errors(call: Call) -> Answer:
    """Owners that are no account here: https://docs.github.com/rest/repos/repos#list-codeowners-errors"""
    git, branch = call.repo.git, call.repo.default_branch
    there = git.run("ls-tree", "--name-only", "--full-tree", branch, *CODEOWNERS).splitlines()
    path = next((path for path in CODEOWNERS if path in there), None)
    if path is None:
        raise not_found()
    errors = []
    for number, line in enumerate(git.run("cat-file", "blob", f"{branch}:{path}").splitlines(), start=1):
        owners = [word for word in line.partition("#")[0].split()[1:] if word.startswith("@")]
        for owner in owners:
            if owner[1:].lower() not in call.hub.users and owner.rpartition("/")[2] not in call.repo.settings.teams:
                message = f"Unknown owner on line {number}: make sure {owner} exists and has write access"
                place = {"line": number, "column": line.index(owner) + 1, "path": path}
                errors.append(
                    {**place, "kind": "Unknown owner", "source": line, "suggestion": None, "message": message}
                )
    return Answer(200, {"errors": errors})


@route("GET", "/environments/<name>", needs="actions:read")
def get_environment(call: Call) -> Answer:
    """https://docs.github.com/rest/deployments/environments#get-an-environment"""
    branches = _environment(call)
    policy = None if branches is None else {"protected_branches": False, "custom_branch_policies": True}
    return Answer(200, fill("environment", call.repo, name=call.params["name"], policy=policy))


@route("GET", "/environments/<name>/deployment-branch-policies", needs="actions:read")
def list_deployment_branch_policies(call: Call) -> Answer:
    """https://docs.github.com/rest/deployments/branch-policies#list-deployment-branch-policies"""
    branches = _environment(call) or ()
    policies = [{"id": n, "node_id": f"GP_{n}", "name": name, "type": "branch"} for n, name in enumerate(branches, 1)]
    return Answer(200, {"total_count": len(policies), "branch_policies": policies})


@route("GET", "/teams", needs="administration:read", role=Role.ADMIN, public=False)
def list_teams(call: Call) -> Answer:
    """https://docs.github.com/rest/repos/repos#list-repository-teams"""
    return call.page(call.repo.settings.teams, lambda slug: fill("team", call.repo, slug=slug))


def _environment(call: Call) -> tuple[str, ...] | None:
    """Return the branches of an environment. Raises HttpError 404."""
    if call.params["name"] not in call.repo.settings.environments:
        raise not_found()
    return call.repo.settings.environments[call.params["name"]]


def _protection(repo: RepositoryState, branch: str) -> Json | None:
    """Return a branch's classic protection, None where it has none."""
    rule, more = repo.protections.get(branch), repo.settings.protections.get(branch)
    rule = rule if rule and rule.is_classic else None
    if rule is None and more is None:
        return None
    url = f"{repo.hub.api_url}/repos/{repo.full_name}/branches/{branch}/protection"
    signatures = {"url": f"{url}/required_signatures", "enabled": False}
    found: Json = {"url": url, "required_signatures": signatures, "required_linear_history": {"enabled": False}}
    if rule and rule.required_checks:
        ids = {app.slug: app.id for app in repo.hub.apps.values()}
        checks = [{"context": name, "app_id": ids.get(source)} for name, source in rule.required_checks]
        names = [name for name, _ in rule.required_checks]
        found["required_status_checks"] = {"strict": False, "contexts": names, "checks": checks}
    if rule and (rule.required_reviews or rule.code_owner_review or rule.last_push_approval):
        found["required_pull_request_reviews"] = {
            "dismiss_stale_reviews": rule.dismisses_approvals,
            "require_code_owner_reviews": rule.code_owner_review,
            "require_last_push_approval": rule.last_push_approval,
            "required_approving_review_count": rule.required_reviews,
        }
    return {**found, **(more or {})}
