"""`promotebot init`: create the registry, policy, schemas and workflows, overwriting nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from promotebot.cli.init_folder import deaf_gates, folder_of, start_of
from promotebot.cli.init_owners import Owned, check_owners, with_owners
from promotebot.cli.init_scan import look_around
from promotebot.cli.init_steps import Steps
from promotebot.cli.json_schemas import DIRECTORY as SCHEMAS
from promotebot.cli.json_schemas import empty_registry, generate, schema_reference
from promotebot.cli.output import add_format, write_document, write_file
from promotebot.cli.outputs import InitOutput, LaidFile, NextStep
from promotebot.errors import InvalidInput, UsageError
from promotebot.git.checkout import Checkout
from promotebot.promotion.diff import unified_diff
from promotebot.promotion.policy import DEFAULT_PATH as POLICY_PATH
from promotebot.promotion.policy import parse_policy
from promotebot.pulls.attributes import ARTIFACTS, AS_BYTES, BY_LFS, with_lines
from promotebot.pulls.attributes import PATH as ATTRIBUTES
from promotebot.registry.codec import stored_json
from promotebot.registry.names import parse_artifact_path, to_timestamp
from promotebot.registry.registry import DEFAULT_PATH
from promotebot.remedies import Remedy, shell
from promotebot.text import visible
from promotebot.workflow_files import PINNED_ACTION, PLACEHOLDER, Folder, installed_action, path_of, workflow_files

MAX_JOBS = 256
"""Of a matrix: https://docs.github.com/en/actions/reference/limits"""
POLICY = """\
# What promotebot requires of a promotion. Read from the base branch, never from a pull request.
# Every key is listed with its default; remove the '#' to change one. Documentation: docs/policy.md

# bases: []                     # base branches beside the default branch
# stages:
#   shadow:
#     permission: write         # lowest role that may request it: read, triage, write, maintain, admin
#     soak: {minimum: 7d, required: false}
#   staging:
#     permission: write
#     soak: {minimum: 2d, required: false}
#   active:
#     permission: maintain
#     require_prior_stage: true
#     hold_after_rollback: true # nothing newer goes up after a rollback until somebody says that it may
# require_reason: false
# require_sha: false
# require_dataset: false
# separation: null              # {approvals: 1}: other people approve the exact head before it can be merged
# aliases: {}                   # {production: active}: words of your own for stages, in commands, labels and flags
# terminal: [shadow, staging, active]   # stages that accept events made at a terminal
# freezes: []                   # periods without promotions: start, end, timezone, reason, stages
# windows: []                   # when stages take promotions: days, hours, timezone, stages
# drafts: false
# storage: []                   # [s3://bucket/models]: places outside of git that manifests may name; no other is read
# formats: [onnx]               # [onnx, opaque]: a model of another format goes on unopened, proven by its bytes
# evidence: {active: null}      # what claimed metrics have to show before a promotion into the stage
# models: {}                    # what holds for some models alone, by name or pattern: eu_*: {require_sha: true}
# signatures:
#   required: []                # stages that need a signed artifact
#   keys: []                    # public keys that count: {name, pem}
#   identities: []              # identities of Sigstore that count: {identity, issuer}
# limits:
#   walls: available            # required: refuse a model if a sandbox wall is missing when it is opened
# monitoring: []                # pages that cards link: {name, url, stages}
# contacts: []                  # named at every failure: texts, or {who, for: [refused, mismatch, rollback, schedule]}
# schedule: {labels: [], assignees: []}   # of the issue that a failed scheduled verification opens
# deployments: announce         # confirm: a deployment is in progress until a service reports that it has the model
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot init`."""
    parser.allow_abbrev = True  # its flags could be shortened from the start, and scripts may do so
    parser.add_argument("--base-dir", help="the repository, or the folder of one of several registries in it")
    parser.add_argument("--prefix", metavar="/WORD", help="the word of its commands (default for a folder: its name)")
    parser.add_argument("--registry-path", metavar="FILE", help=f"where the registry goes (default: {DEFAULT_PATH})")
    parser.add_argument("--dry-run", action="store_true", help="print the diff, write nothing")
    parser.add_argument("--action", metavar="OWNER/NAME@COMMIT", help="the action that the workflows use, pinned")
    parser.add_argument("--lfs", action="store_true", help="also put models into Git LFS (docs/setup.md)")
    parser.add_argument("--shards", type=int, default=1, metavar="N", help="jobs that share a verification")
    parser.add_argument("--app", action="store_true", help="workflows with the token of a GitHub App (docs/setup.md)")
    owners = "who owns policy, workflows, registry and artifacts, such as @OWNER/TEAM: added to CODEOWNERS"
    parser.add_argument("--code-owners", nargs="+", default=[], metavar="NAME", help=owners)
    add_format(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Write every file that a repository needs and has not, and say what is left to do; nothing is overwritten.

    Returns:
        0.

    Raises:
        InvalidInput: for a place that is taken by something else; nothing is written then.
        UsageError: for an --action that is no pinned one, a number of shards that cannot be, or no owner.
    """
    _check_shards(options)
    check_owners(options.code_owners)
    repository = Checkout.open(start_of(options.base_dir))
    root, action = repository.root, _pinned_action(options.action)
    folder = folder_of(root, options.base_dir, options.prefix)
    branches, given = _branches(repository), _registry_path(options.registry_path)
    registry = f"{folder.base_dir}/{given}" if folder else given
    how = {"app": options.app, "shards": options.shards, "folder": folder, "prefix": options.prefix or ""}
    workflows = workflow_files(action, branches, registry_path=given, **how)
    files = _files(workflows, registry, now)
    _refuse_odd_places(root, files)
    owned = _owned(root, options.code_owners, registry, folder)
    _refuse_deleted(repository, [*files, ATTRIBUTES, *owned], workflows)
    around = look_around(repository, registry, branches[0], folder.base_dir if folder else "")
    missing = {path: data for path, data in files.items() if not _is_there(root / path)}
    missing |= _attributes(root / ATTRIBUTES, _lines(around.bare, folder, lfs=options.lfs))
    missing |= {path: one.data for path, one in owned.items() if not _holds(root / path, one.data)}
    laid = [_laid(path, root / path, missing.get(path)) for path in (*files, ATTRIBUTES, *owned)]
    kept = _kept_owners(owned)
    if options.format == "text":
        _tell_all(laid, root, missing, kept, dry_run=options.dry_run)
    if not options.dry_run:
        _write_all(root, missing)
    deaf = deaf_gates(root, folder) if folder else ()
    steps = Steps(action, branches, registry, around, options.app, options.lfs, [*owned], folder, deaf)
    if options.format == "json":
        write_document(_document(laid, kept, steps, written=not options.dry_run))
    else:
        sys.stdout.write("\n".join(steps.lines()) + "\n")
    return 0


def _write_all(root: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        write_file(root / path, data)


def _kept_owners(owned: Mapping[str, Owned]) -> list[str]:
    """Return a line for each path that has owners already, who stay."""
    found = ((path, *kept) for path, one in owned.items() for kept in one.kept.items())
    return [visible(f"{path}: {line} has owners already: {' '.join(names)}") for path, line, names in found]


def _document(laid: Sequence[LaidFile], kept: Sequence[str], steps: Steps, *, written: bool) -> InitOutput:
    told = tuple(NextStep(words=words, commands=tuple(map(str, lines))) for words, lines in steps.steps())
    return InitOutput(written=written, files=tuple(laid), notes=tuple(kept), next_steps=told)


def _check_shards(options: argparse.Namespace) -> None:
    """Raise UsageError for a number of jobs that no workflow can have, and for shards with an App."""
    if not 1 <= options.shards <= MAX_JOBS:
        remedy = f"give a number from 1 to {MAX_JOBS}"
        raise UsageError(f"{options.shards} is no number of jobs", where="--shards", remedy=remedy)
    if options.app and options.shards > 1:
        remedy = "leave one of them out; a verification in one job takes the App's token"
        raise UsageError("is not possible together with --app", where="--shards", remedy=remedy)


def _registry_path(given: str | None) -> str:
    """Return where the registry goes. Raises InvalidInput for a path that no registry can have."""
    path = parse_artifact_path((given or DEFAULT_PATH).removeprefix("./"))
    if not path.endswith(".json") or "/" not in path:
        remedy = f"give a JSON file in a folder, such as {DEFAULT_PATH}"
        raise InvalidInput("is no place for a registry", where=path, remedy=remedy)
    return path


def _is_there(place: Path) -> bool:
    return place.exists() or place.is_symlink()


def _holds(place: Path, data: bytes) -> bool:
    return place.exists() and place.read_bytes() == data


def _owned(root: Path, names: Sequence[str], registry: str, folder: Folder | None) -> dict[str, Owned]:
    """Return the file of code owners as it is to be, by its path; nothing where nobody was named."""
    if not names:
        return {}
    artifacts = _inside(ARTIFACTS, folder)
    paths = {
        "/.github/": (POLICY_PATH, path_of("gate", folder)),
        f"/{registry.rpartition('/')[0]}/": (registry,),
        f"/{artifacts}/": (f"{artifacts}/NAME/manifest.json",),
    }
    owned = with_owners(root, names, paths)
    return {owned.path: owned}


def _refuse_deleted(repository: Checkout, paths: Sequence[str], workflows: Collection[str]) -> None:
    """Raise InvalidInput for a file that is committed, and that somebody deleted here.

    Workflow files are deleted to have them written anew, for another version or an App: the removal is committed first.
    """
    head = repository.resolve("HEAD")
    gone = [p for p in paths if head and not (repository.root / p).exists() and repository.list_tree(head, p, False)]
    if gone:
        restore = shell("git", "checkout", "HEAD", "--", gone[0])
        old = [path for path in gone if path in workflows]
        remove = shell("git", "commit", "--message", "ci: Remove the old workflow files", "--", *old)
        anew = ("; or, to have it written anew: ", remove) if gone[0] in old else ()
        remedy = Remedy("restore it: ", restore, *anew)
        raise InvalidInput("is committed, but not in the work tree", where=gone[0], remedy=remedy)


def _laid(path: str, place: Path, data: bytes | None) -> LaidFile:
    return LaidFile(path=path, state="kept" if data is None else "added to" if place.exists() else "created")


def _tell_all(
    laid: Sequence[LaidFile], root: Path, missing: Mapping[str, bytes], kept: Sequence[str], *, dry_run: bool
) -> None:
    for one in laid:
        _tell(one, root / one.path, missing.get(one.path), dry_run=dry_run)
    sys.stdout.writelines(f"kept    {line}\n" for line in kept)


def _tell(laid: LaidFile, place: Path, data: bytes | None, *, dry_run: bool) -> None:
    """Print what is done with a file; for a dry run, the diff that this is."""
    path = laid.path
    if data is None:
        sys.stdout.write(f"kept    {path}\n")
    elif dry_run and path.startswith(f"{SCHEMAS}/"):
        sys.stdout.write(f"would create {path}\n")  # some hundred lines that nobody edits
    elif dry_run:
        sys.stdout.write(unified_diff(place.read_bytes() if place.exists() else b"", data, path))
    else:
        sys.stdout.write(f"{laid.state} {path}\n")


def _inside(path: str, folder: Folder | None) -> str:
    return f"{folder.base_dir}/{path}" if folder else path


def _lines(bare: Sequence[str], folder: Folder | None, *, lfs: bool) -> list[str]:
    """Return the lines by which git converts no artifact: in their own place, and where models are already."""
    artifacts, depth = _inside(ARTIFACTS, folder), folder.base_dir.count("/") + 2 if folder else 1
    others = (path for path in bare if not f"{path}/".startswith(f"{artifacts}/"))
    tops = dict.fromkeys("/".join(path.split("/")[:depth]) for path in others)
    own = [_inside(line, folder) for line in (AS_BYTES, *(BY_LFS if lfs else ()))]
    return [own[0], *(f"{top}/** -text" for top in tops if " " not in top), *own[1:]]


def _attributes(target: Path, lines: Sequence[str]) -> dict[str, bytes]:
    """Return the attributes with what they lack at their end; nothing where they lack nothing."""
    old = target.read_bytes().decode("utf-8", "surrogateescape") if target.exists() else ""
    new = with_lines(old, lines)
    return {} if new == old else {ATTRIBUTES: new.encode("utf-8", "surrogateescape")}


def _branches(repository: Checkout) -> list[str]:
    """Return the branches that are promoted into: the default one, and those that the policy lists.

    Raises:
        InvalidInput: for a policy that does not read.
    """
    path = repository.root / POLICY_PATH
    policy = parse_policy(path.read_bytes() if path.is_file() else None)
    return list(dict.fromkeys([repository.default_branch() or "main", *policy.bases]))


def _files(workflows: Mapping[str, bytes], path: str, now: datetime) -> dict[str, bytes]:
    """Return path from the root → bytes of every file to lay, in the order they are told of."""
    registry = empty_registry(path, to_timestamp(now))
    policy = f"# yaml-language-server: $schema={schema_reference(POLICY_PATH, 'policy')}\n{POLICY}"
    return {path: stored_json(registry), POLICY_PATH: policy.encode(), **workflows, **_schema_files()}


def _pinned_action(given: str | None) -> str:
    """Return the action that the workflows use: as given, else the commit this program was installed from."""
    if given is not None:
        if not PINNED_ACTION.fullmatch(given):
            raise UsageError(
                f"{given!r} is not a pinned action",
                where="--action",
                remedy="give OWNER/promotebot@ and all 40 digits of a commit: a tag can be moved",
            )
        return given
    return installed_action() or PLACEHOLDER


def _refuse_odd_places(root: Path, files: Mapping[str, bytes]) -> None:
    """Raise InvalidInput where something would be written through a link or a file, before anything is written."""
    if (root / ATTRIBUTES).is_symlink() or (root / ATTRIBUTES).is_dir():
        raise InvalidInput("is not a regular file", where=ATTRIBUTES, remedy="replace it by a file: git reads no other")
    for path in files:
        for parent in list((root / path).relative_to(root).parents)[:-1]:
            place = root / parent
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                kind = "a symbolic link" if place.is_symlink() else "a file"
                raise InvalidInput(
                    f"is {kind}, not a directory", where=str(parent), remedy="move it away, then run the command again"
                )


def _schema_files() -> dict[str, bytes]:
    """Return path → schema of the files that people write or look at, for their editors."""
    names = ("registry", "model", "manifest", "dataset", "policy")
    schemas = generate()
    return {f"{SCHEMAS}/{name}.schema.json": stored_json(schemas[name]) for name in names}
