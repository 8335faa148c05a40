"""Read the facts: settings by GitHub's API, files as git has them on the branches of the server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from promotebot.artifact.source import Kind, TreeEntry
from promotebot.doctor.facts import ENVIRONMENT, MAX_POINTERS, Branch, Facts, Files, Unread
from promotebot.doctor.workflow import MAX_BYTES, Workflow
from promotebot.errors import CouldNotVerify, InvalidInput, PromotebotError
from promotebot.git.branch import FetchedRepository
from promotebot.git.process import Remote
from promotebot.github.checks import gate_context
from promotebot.github.repository_settings import BranchRequirements, RepositorySettings, RequiredStatus
from promotebot.planning.committed import pointed_directories, read_registry
from promotebot.promotion.contacts import Purpose, contacts_for
from promotebot.promotion.people import is_team, with_owners
from promotebot.promotion.policy import MAX_BYTES as MAX_POLICY
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.sections import Permission
from promotebot.pulls.attributes import ARTIFACTS, CONVERTING
from promotebot.pulls.codeowners import MAX_BYTES as MAX_CODEOWNERS
from promotebot.pulls.codeowners import PLACES, owners_of, owners_within
from promotebot.pulls.snapshot import BASE
from promotebot.registry.codec import MAX_BYTES as MAX_REGISTRY
from promotebot.registry.lfs import POINTER_BYTES, is_pointer
from promotebot.registry.names import GitSha
from promotebot.registry.registry import Layout, ModelRegistry
from promotebot.registry.split_layout import models_directory
from promotebot.settings import Settings
from promotebot.workflow_files import PLACEHOLDER, WORKFLOWS, folder_in, installed_action, path_of, workflow_files

_T = TypeVar("_T")
_DIRECTORY = ".github/workflows"
_PROTECTION = "administration: read"
MAX_FILES = 5000
"""Files of artifacts that are looked at for what git does to them."""


@contextmanager
def connected(settings: Settings) -> Iterator[RepositorySettings]:
    """Yield a client for the repository of the settings."""
    from promotebot.github.settings_client import SettingsClient  # PyGithub costs a quarter of a second

    client = SettingsClient.connect(settings)
    try:
        yield client
    finally:
        client.close()


def gather(settings: Settings, github: RepositorySettings) -> Facts:
    """Return everything that the checks look at; what GitHub does not tell is `Unread` there.

    Raises:
        CouldNotVerify: where the default branch cannot be read at all.
    """
    default, folder = github.default_branch(), folder_in(settings.base_dir, settings.prefix)
    with FetchedRepository.fetched(_remote(settings), {BASE: f"refs/heads/{default}"}) as repository:
        commit = repository.commit_id(BASE)
        _bring(repository, [commit], settings)
        has_policy, policy = _policy(repository, commit, settings.policy_path)
        tips = {default: commit, **_bases(repository, policy, default)}
        _bring(repository, [tip for tip in tips.values() if tip and tip != commit], settings)
        branches = tuple(_branch(repository, github, name, tip, default, settings) for name, tip in tips.items())
        registry = _registry(repository, commit, settings.registry_path)
        files = Files(_codeowners(repository, commit), *_artifacts(repository, commit, registry))
    uses_app = any(workflow.uses_app for workflow in branches[0].workflows.values())
    templates = workflow_files(installed_action() or PLACEHOLDER, [*tips], app=uses_app, folder=folder)
    return Facts(
        server_url=settings.server_url,
        repository=settings.repository,
        commit=commit,
        registry_path=settings.registry_path,
        policy_path=settings.policy_path,
        branches=branches,
        policy=policy,
        has_policy=has_policy,
        roles=_roles(policy, github, settings.repository),
        teams=_teams(policy, _owners(files.codeowners, registry, settings.registry_path), github),
        merge_methods=_known(github.merge_methods, "contents: write"),
        actions=_known(github.actions, _PROTECTION),
        labels=_known(github.labels, "issues: read"),
        codeowners_errors=_known(lambda: tuple(github.codeowners_errors()), "contents: read"),
        environment=_known(lambda: github.environment(ENVIRONMENT), "actions: read") if uses_app else None,
        files=files,
        templates={path: Workflow.parse(data) for path, data in templates.items()},
        action=installed_action(),
        models_directory=_models_directory(registry, settings.registry_path),
        folder=folder,
    )


def _remote(settings: Settings) -> Remote:
    return Remote(f"{settings.server_url}/{settings.repository}.git", settings.token.get_secret_value())


def _known(ask: Callable[[], _T], permission: str) -> _T | Unread:
    """Return an answer, or why there is none and what would give one: a token with the permission, or another try."""
    try:
        return ask()
    except CouldNotVerify as problem:
        refused = re.search(r": 40[134]\b|does not tell", problem.message) and "rate limit" not in problem.message
        owner = ", for example an administrator's" if permission == _PROTECTION else ""
        other = f"`promotebot doctor` at a terminal, with a token that has `{permission}`{owner}"
        return Unread(problem.message, other if refused else problem.remedy)


def _bases(repository: FetchedRepository, policy: Policy | str, default: str) -> dict[str, GitSha | None]:
    """Return the policy's other branches and their tips, fetched; None for one that is not there."""
    names = [name for name in policy.bases if name != default] if isinstance(policy, Policy) else []
    refs = {name: f"refs/promotebot/branch/{number}" for number, name in enumerate(names)}
    if refs:  # the default branch beside them: git brings every branch where it is asked for none
        wanted = {ref: f"refs/heads/{name}" for name, ref in refs.items()}
        repository.fetch({BASE: f"refs/heads/{default}"}, optional=wanted)
    return {name: repository.resolve(ref) for name, ref in refs.items()}


def _bring(repository: FetchedRepository, commits: Sequence[GitSha], settings: Settings) -> None:
    """Have what is read of these commits come with one fetch, instead of one for each file."""
    paths = {*_workflow_paths(settings), *PLACES, settings.policy_path, settings.registry_path}
    oids = {
        entry.oid
        for commit in commits
        for entry in repository.list_tree(commit, "", recursive=True)
        if entry.kind is Kind.FILE and (entry.path in paths or entry.path.endswith(".gitattributes"))
    }
    repository.expect(oids, max_bytes=MAX_REGISTRY)


def _policy(repository: FetchedRepository, commit: GitSha, path: str) -> tuple[bool, Policy | str]:
    """Return whether there is a policy, and what it says or what is wrong with it."""
    try:
        data = repository.read_file(commit, path, max_bytes=MAX_POLICY)
        return data is not None, parse_policy(data, where=path)
    except InvalidInput as problem:
        return True, f"{path}: {problem.message}"


def _branch(
    repository: FetchedRepository,
    github: RepositorySettings,
    name: str,
    tip: GitSha | None,
    default: str,
    settings: Settings,
) -> Branch:
    """Return the rules on a branch, and its workflow files; a branch that is not there has neither."""
    statuses: tuple[RequiredStatus, ...] | Unread = ()
    classic: BranchRequirements | Unread = BranchRequirements()
    if tip:
        told = _known(lambda: github.classic_statuses(name), "contents: read")
        if told is not None:
            statuses = told if isinstance(told, Unread) else tuple(told)
            classic = _known(lambda: github.classic_rules(name), _PROTECTION)
    return Branch(
        name,
        settings.shown(gate_context(name, default)),
        exists=tip is not None,
        rulesets=_known(lambda: github.ruleset_rules(name), "metadata: read"),
        classic=classic,
        classic_statuses=statuses,
        workflows=_workflows(repository, tip, settings) if tip else {},
    )


def _workflow_paths(settings: Settings) -> frozenset[str]:
    folder = folder_in(settings.base_dir, settings.prefix)
    return frozenset(path_of(name, folder) for name in WORKFLOWS)


def _workflows(repository: FetchedRepository, commit: GitSha, settings: Settings) -> Mapping[str, Workflow]:
    """Return path → workflow of every file that promotebot's templates have, at a commit."""
    entries = repository.list_tree(commit, _DIRECTORY, recursive=True)
    ours = _workflow_paths(settings)
    return {entry.path: _workflow(repository, entry) for entry in entries if entry.path in ours}


def _workflow(repository: FetchedRepository, entry: TreeEntry) -> Workflow:
    try:
        return Workflow.parse(repository.read_entry(entry, max_bytes=MAX_BYTES))
    except InvalidInput as problem:
        return Workflow(problem.message)


def _codeowners(repository: FetchedRepository, commit: GitSha) -> tuple[str, str] | None:
    for path in PLACES:
        try:
            data = repository.read_file(commit, path, max_bytes=MAX_CODEOWNERS)
        except InvalidInput:
            continue  # a link, or larger than GitHub reads: no file for it either
        if data is not None:
            return path, data.decode("utf-8", "replace")
    return None


def _registry(repository: FetchedRepository, commit: GitSha, path: str) -> ModelRegistry | None:
    """Return the registry; None where there is none, or none that reads, of which the gate tells."""
    try:
        return read_registry(repository, commit, path)
    except PromotebotError:
        return None


def _models_directory(registry: ModelRegistry | None, path: str) -> str:
    return models_directory(path) if registry and registry.layout is Layout.SPLIT else ""


def _artifacts(
    repository: FetchedRepository, commit: GitSha, registry: ModelRegistry | None
) -> tuple[Mapping[str, Mapping[str, str]], frozenset[str]]:
    """Return what git does to the files of artifacts, and which of them are Git LFS pointers.

    Where the registry does not read or points to nothing, the files below `ml/artifacts` count, else a name there.
    """
    try:
        directories = sorted(pointed_directories(registry)) if registry else []
    except PromotebotError:
        directories = []
    entries = {
        entry.path: entry
        for directory in directories or [ARTIFACTS]
        for entry in repository.list_tree(commit, directory, recursive=True)
        if entry.kind is Kind.FILE
    }
    paths = [*entries][:MAX_FILES] or [f"{ARTIFACTS}/NAME/manifest.json"]
    found = repository.attributes(commit, paths, CONVERTING)
    tracked = [path for path in paths if path in entries and found[path].get("filter") == "lfs"][:MAX_POINTERS]
    if not tracked:
        return found, frozenset()
    repository.expect([entries[path].oid for path in tracked], max_bytes=MAX_POINTERS * POINTER_BYTES)
    return found, frozenset(path for path in tracked if _is_pointer(repository, entries[path].oid))


def _is_pointer(repository: FetchedRepository, oid: str) -> bool:
    with repository.open_blob(oid) as stream:
        return is_pointer(stream.read(POINTER_BYTES + 1))


def _owners(codeowners: tuple[str, str] | None, registry: ModelRegistry | None, registry_path: str) -> list[str]:
    """Return the owners of the file that holds all models, or of any model's own file."""
    text, directory = codeowners[1] if codeowners else "", _models_directory(registry, registry_path)
    if not directory:
        return owners_of(text, registry_path)
    return [name for one in owners_within(text, directory) for names in one.lists for name in names]


def _teams(policy: Policy | str, owners: list[str], github: RepositorySettings) -> Mapping[str, bool | Unread]:
    """Return whether the token sees each team to which the policy leaves something, by name or as an owner."""
    if not isinstance(policy, Policy):
        return {}
    people = with_owners([name for names in policy.lists_of_people for name in names], owners)
    return {
        name: _known(lambda team=name: github.sees_team(team), "members: read")  # type: ignore[misc]
        for name in people
        if is_team(name)
    }


def _roles(
    policy: Policy | str, github: RepositorySettings, repository: str
) -> Mapping[str, Permission | Unread | None]:
    """Return the role of each account that the policy names; a team with access has the least one."""
    if not isinstance(policy, Policy):
        return {}
    contacts = contacts_for(policy.contacts, *Purpose)
    names = [*(contact[1:] for contact in contacts if contact.startswith("@")), *policy.schedule.assignees]
    roles: dict[str, Permission | Unread | None] = {}
    teams: frozenset[str] | Unread | None = None
    for name in dict.fromkeys(names):
        organization, is_team, slug = name.partition("/")
        if not is_team:
            roles[f"@{name}"] = _known(lambda login=name: github.permission(login), "metadata: read")  # type: ignore[misc]
            continue
        teams = _known(github.teams, _PROTECTION) if teams is None else teams
        if isinstance(teams, Unread):
            roles[f"@{name}"] = teams
        else:
            is_here = organization.lower() == repository.partition("/")[0].lower() and slug.lower() in teams
            roles[f"@{name}"] = Permission.READ if is_here else None
    return roles
