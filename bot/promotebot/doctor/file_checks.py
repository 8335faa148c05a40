"""Checks of files: the workflows against this version's templates, and what git does to an artifact's bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from promotebot.doctor.facts import MAX_POINTERS, Branch, Facts, Unread
from promotebot.doctor.report import Verdict, advice, named, ok, problem
from promotebot.doctor.workflow import LEVELS, Workflow, is_pinned
from promotebot.pulls.attributes import ARTIFACTS, AS_STORED, BESIDE_LFS, converting
from promotebot.registry.lfs import OUT_OF_LFS
from promotebot.text import counted
from promotebot.workflow_files import DIRECTORY

_FIX = "`promotebot doctor --fix` in the repository, then commit and push"


def workflows(facts: Facts) -> Verdict:
    """Are the workflow files there, and do they read?"""
    missing = [path for path in facts.templates if path not in facts.default.workflows]
    broken = [path for path, file in facts.default.workflows.items() if file.problem]
    if broken:
        found = f"{broken[0]} {facts.default.workflows[broken[0]].problem}"
        return problem(found, "GitHub starts no job of an invalid file.", _anew(broken))
    if not missing:
        return ok(
            f"{len(facts.templates)} files are there",
            "Comments, pull requests, merges and the schedule start their jobs.",
        )
    make = problem if any(_stops(path, facts) for path in missing) else advice
    return make(f"missing: {named(missing)}", "The events of a missing file start no job.", _FIX)


def triggers(facts: Facts) -> Verdict:
    """Are the workflows started by everything that they are for?"""
    missing = {path: lost for path, file in _files(facts) if (lost := file.missing_triggers(facts.templates[path]))}
    unheard = {path: lost for path, file in _files(facts) if (lost := _unheard(path, file, facts))}
    if unheard and not missing:
        found = "; ".join(
            f"the policy asks for {', '.join(lost)}, and none starts {path}" for path, lost in unheard.items()
        )
        page = facts.page(f"blob/{facts.default.name}/{next(iter(unheard))}")
        remedy = f"add the triggers that docs/policy.md names under labels and checks: {page}"
        return problem(found, "promotebot/gate does not follow what changes there.", remedy)
    if not missing and (late := [path for path, file in _files(facts) if _is_late(path, file, facts)]):
        found = f"the policy has freezes, windows or overrides, and no timer of every hour starts {named(late)}"
        page = facts.page(f"blob/{facts.default.name}/{late[0]}")
        remedy = f'write `- cron: "7 * * * *"` below `schedule:`: {page}'
        return problem(found, "A check that was green before a freeze stays green for up to a day.", remedy)
    if not missing:
        return _nothing(facts) or ok(
            "every trigger of the templates", "Every event that promotebot answers starts a job."
        )
    make = problem if any(_stops(path, facts) for path in missing) else advice
    found = "; ".join(f"{path} lacks {named(lost)}" for path, lost in missing.items())
    return make(found, "These events are not answered, checked or verified.", _anew(missing))


def _is_late(path: str, file: Workflow, facts: Facts) -> bool:
    """Return whether the gate hears of a freeze that begins, or a window that closes, only once a day."""
    return path.startswith(f"{DIRECTORY}/gate") and facts.has_times and not file.runs_every_hour


def _unheard(path: str, file: Workflow, facts: Facts) -> list[str]:
    """Return which of the policy's conditions do not start the gate when they change."""
    if not path.startswith(f"{DIRECTORY}/gate"):
        return []
    types, workflows = (
        file.triggers.get(event, {}).get(key)
        for event, key in (("pull_request_target", "types"), ("workflow_run", "workflows"))
    )
    hears_labels = {"labeled", "unlabeled"} <= set(types or ())
    hears_checks = bool({"check_suite", "status"} & file.triggers.keys()) or len(workflows or ()) > 1
    heard = {"labels": hears_labels, "checks": hears_checks}
    return [key for key, is_heard in heard.items() if facts.asks_for(key) and not is_heard]


def _anew(paths: Iterable[str]) -> str:
    """Return how workflow files are written anew; `init` overwrites nothing, and takes what is committed as wanted."""
    files = " ".join(dict.fromkeys(paths))
    return (
        f"`git rm {files} && git commit --message 'build: New workflow files' && promotebot init`, then put your own "
        "changes back, commit and push"
    )


def _stops(path: str, facts: Facts) -> bool:
    """Return whether promotions stop, or go unjudged, without a file; reviews matter with `separation` only."""
    return path.startswith((f"{DIRECTORY}/promote", f"{DIRECTORY}/gate")) or (
        path.endswith("review.yml") and facts.has_separation
    )


def branches(facts: Facts, branch: Branch) -> Verdict:
    """Do the workflows hear pushes to a branch? GitHub reads the file as that branch has it."""
    wanted = [path for path, template in facts.templates.items() if "push" in template.triggers]
    missing = [path for path in wanted if path not in branch.workflows]
    deaf = [path for path in wanted if path not in missing and not branch.workflows[path].hears_pushes_to(branch.name)]
    meaning = "After a merge nothing is announced or verified, and open promotions are not updated."
    if missing:
        remedy = (
            _FIX if branch is facts.default else f"`git merge origin/{facts.default.name}` on {branch.name}, then push"
        )
        return problem(f"{branch.name} has no {named(missing)}", meaning, remedy)
    if not deaf:
        return ok("pushes start their jobs", "What is merged is announced and verified, and open promotions follow.")
    page = facts.page(f"blob/{branch.name}/{deaf[0]}")
    remedy = f'write "{branch.name}" under `push: branches:` in {named(deaf)}, in the file on that branch: {page}'
    return problem(f"pushes to {branch.name} start no job of {named(deaf)}", meaning, remedy)


def job_permissions(facts: Facts) -> Verdict:
    """May every job what the template's may?"""
    default = "read" if isinstance(facts.actions, Unread) else facts.actions.default_permissions
    jobs = [(path, file, name) for path, file in _files(facts) for name in facts.templates[path].jobs]
    missing = {
        f"{path}, job {name}, {lost}": path
        for path, file, name in jobs
        if name in file.jobs
        for lost in _lost(facts.templates[path], file, name, default)
    }
    if missing:
        remedy = f"add it under the job's `permissions:`, or {_anew(missing.values())}"
        return problem("; ".join(missing), "GitHub refuses the requests that need it.", remedy)
    unlike = {f"{path} has no job {name}": path for path, file, name in jobs if name not in file.jobs}
    if unlike:
        meaning = "What this version does in that job is missing, or unknown."
        return advice("; ".join(unlike), meaning, _anew(unlike.values()))
    return _nothing(facts) or ok("as the templates", "Each job may do what it needs.")


def _lost(template: Workflow, file: Workflow, job: str, default: str) -> Iterator[str]:
    """Yield the permissions that a job of the template has and this file's has not."""
    given = file.grants(job, default)
    for area, level in template.grants(job, "none").items():
        held = given.get(area, given.get("*", "none"))
        if LEVELS.index(level) > (LEVELS.index(held) if held in LEVELS else 0):
            yield f"{area}: {level}"


def pins(facts: Facts) -> Verdict:
    """Are the actions pinned to commits, those of this version?"""
    uses = [(path, *use) for path, file in _files(facts) for use in file.uses() if not use[0].startswith("./")]
    loose = {f"{name}@{version} in {path}" for path, name, version in uses if not is_pinned(version)}
    if loose:
        meaning = "Whoever can move a tag or a branch of it decides what runs with the job's token."
        return problem(named(sorted(loose)), meaning, "write the 40 digits of its commit after the @")
    newest = dict(use for template in facts.templates.values() for use in template.uses())
    ours, _, commit = facts.action.partition("@")
    newest |= {ours: commit.partition(" ")[0]} if ours else {}
    old = {f"{name} in {path}": path for path, name, version in uses if newest.get(name, version) != version}
    several = len({version for _, name, version in uses if name.endswith("/promotebot")}) > 1
    if old or several:
        found = f"not this version's: {named(old)}" if old else "two versions of promotebot are used"
        remedy = _anew(old.values() or [path for path, *_ in uses])
        return advice(found, "Some jobs lack features or fixes that others have.", remedy)
    return _nothing(facts) or ok("every action is used by its commit", "What runs is what was reviewed.")


def attributes(facts: Facts) -> Verdict:
    """Does a checkout leave an artifact's bytes alone?"""
    changed = [
        path
        for path, found in facts.files.attributes.items()
        if found.get("text") != "unset" or converting({**found, "filter": _other_filter(found)})
    ]
    if not changed:
        return ok("git converts no artifact", "A checkout has the promoted bytes on every system.")
    first = changed[0]
    in_lfs = any(found.get("filter") == "lfs" for found in facts.files.attributes.values())
    return advice(
        f"git may convert {first}",
        "A checkout or an archive may have other bytes, and a service then refuses them.",
        f"`echo '{_pattern(first)} {BESIDE_LFS if in_lfs else AS_STORED}' >> .gitattributes`, then commit and push",
    )


def _pattern(path: str) -> str:
    """Return what names every artifact in .gitattributes, or all of the directory that a path is in."""
    return f"{ARTIFACTS if path.startswith(ARTIFACTS) else path.rpartition('/')[0]}/**"


def _other_filter(found: Mapping[str, str]) -> str:
    """Return the filter that an artifact's file has, but for Git LFS, which has a check of its own."""
    return "unset" if (name := found.get("filter", "unset")) == "lfs" else name


def lfs(facts: Facts) -> Verdict:
    """Are the artifacts in Git LFS stored as it stores files, and is no manifest among them?"""
    tracked = [path for path, found in facts.files.attributes.items() if found.get("filter") == "lfs"]
    manifests = [path for path in tracked if path.endswith("/manifest.json")]
    if manifests:
        line = f"{_pattern(manifests[0])}/manifest.json {OUT_OF_LFS}"
        return problem(
            f"{manifests[0]} is tracked by Git LFS",
            "promotebot reads the manifest that git holds, and refuses a pointer to one.",
            f"in a clone that has the files: `echo '{line}' >> .gitattributes && git add --renormalize .`, then commit "
            "and push",
        )
    plain = [path for path in tracked[:MAX_POINTERS] if path not in facts.files.pointers]
    if plain:
        return advice(
            f"{plain[0]} is tracked by Git LFS, but git holds the file itself",
            "git-lfs shows it as changed in every checkout.",
            "`git add --renormalize .` in a clone with git-lfs, then commit and push",
        )
    if tracked:
        found = f"{counted(len(tracked), 'file')} of artifacts, such as {tracked[0]}"
        return ok(found, "Pointers prove their bytes; a promotion downloads them to open the model.")
    return ok("git holds the bytes of every artifact", "They can be proven and opened.")


def _nothing(facts: Facts) -> Verdict | None:
    """Return that there is no file to look at, where that is so: nothing looked at is never ok."""
    return None if list(_files(facts)) else problem("no workflow file is valid", "Nothing starts promotebot.", _FIX)


def _files(facts: Facts) -> Iterator[tuple[str, Workflow]]:
    """Yield the workflow files that are ours and that read."""
    for path, file in facts.default.workflows.items():
        if path in facts.templates and not file.problem:
            yield path, file
