"""The parts of an artifact: its models, what they read, and files that nothing refers to, programs among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from promotebot.artifact.answer import NotOpened, Opened, printable
from promotebot.artifact.copied import Copied
from promotebot.artifact.files import REPORT
from promotebot.artifact.formats import is_opaque
from promotebot.artifact.golden_names import is_golden_file, lookalikes
from promotebot.artifact.limits import Limits, Program, Terms
from promotebot.artifact.looks import is_named_onnx
from promotebot.artifact.manifest import Manifest
from promotebot.artifact.programs import RUNS, program_by_name
from promotebot.findings import Finding, error, passed, warning
from promotebot.text import counted

MAX_NAMES = 10
"""Files that one finding names."""


def models_of(manifest: Manifest, copied: Copied, terms: Terms) -> list[str]:
    """Return every model that is opened: the artifact's own first, unless it goes on unopened, then all others."""
    own = manifest.model_file
    others: list[str] = sorted(name for name in manifest.sha256 if is_named_onnx(name) and name != own)
    return others if is_opaque(copied.look(own, is_own=True), terms) else [own, *others]


def referred_files(results: Mapping[str, Opened | NotOpened]) -> set[str]:
    """Return the models, and the files of external data that they read, relative to the artifact's directory."""
    found = set(results)
    for model, result in results.items():
        folder = model.rpartition("/")[0]
        external = result.external_files if isinstance(result, Opened) else []
        found |= {f"{folder}/{name}" if folder else name for name in external}
    return found


@dataclass(frozen=True)
class Listed:
    """The files that a manifest lists, and what the models read of them."""

    manifest: Manifest
    directory: str
    copied: Copied
    referred: set[str]
    is_known: bool
    """False where a model was not opened, so that it does not say what it reads."""
    looks_inside: bool
    """Whether the content of the others may be looked at: what a model reads may look like anything."""

    @property
    def others(self) -> list[str]:
        """Return the files that nothing refers to, as far as that is known."""
        names = sorted(set(self.manifest.sha256) - self.referred - {REPORT})
        return [name for name in names if not is_golden_file(name)]

    @cached_property
    def programs(self) -> dict[str, Program]:
        """Return those that run where somebody loads them."""
        inside = self.looks_inside
        found = {
            name: program_by_name(name) or (self.copied.look(name).holds if inside else None) for name in self.others
        }
        return {name: program for name, program in found.items() if program}

    @property
    def unread(self) -> dict[str, str]:
        """Return the archives that were not looked into as a whole, with the reason."""
        names = [name for name in self.others if name not in self.programs] if self.looks_inside else []
        reasons = {name: self.copied.look(name).archived.unread for name in names}
        return {name: reason for name, reason in reasons.items() if reason}

    def told(self, name: str) -> str:
        """Return in words what a program is."""
        look = self.copied.look(name) if self.looks_inside and not program_by_name(name) else None
        member = look.archived.member if look else ""
        kind = RUNS[self.programs[name]]
        return f"an archive with {printable(member)} in it, {kind}" if member else kind


def program_findings(listed: Listed, limits: Limits) -> Iterator[Finding]:
    """Yield the programs among the listed files that no model reads, the artifact's own among them."""
    for name, program in listed.programs.items():
        path, is_own = f"{listed.directory}/{name}", name == listed.manifest.model_file
        told = "the artifact's own model" if is_own else "no model reads it"
        message = f"{path} is {listed.told(name)} ({told})."
        if program in limits.may_hold:
            advice = "look at what it does; the policy allows it (limits.may_hold)"
            yield warning("artifact.executable", message, where=path, remedy=advice)
        else:
            out = "export it to a format that holds no code" if is_own else "leave it out of the artifact"
            way = f"{out}; or allow it: limits.may_hold: [{program}] in the base's policy"
            yield error("artifact.executable", message, where=path, remedy=way)
    for name, reason in listed.unread.items():
        message = f"{listed.directory}/{name} is an archive, and whether a program is in it is not known: {reason}."
        advice = "look at what is in it, or leave it out of the artifact"
        yield warning("artifact.executable", message, where=f"{listed.directory}/{name}", remedy=advice)
    if not listed.programs and not listed.unread:
        yield passed("artifact.executable", "no program, script or pickle among the files", where=listed.directory)


def unreferred_findings(listed: Listed) -> Iterator[Finding]:
    """Yield a warning for each model that is not examined, and one that names the other files that no model reads.

    Of these nothing is said where it is not known what the models read.
    """
    spoken, golden = {*listed.programs, listed.manifest.model_file}, lookalikes(listed.manifest)
    meant = tuple(f"{folder}/" for folder in golden)  # `artifact.golden` says how to name them
    rest = [name for name in listed.others if name not in spoken and not name.startswith(meant)]
    unexamined = [name for name in rest if listed.copied.look(name).is_ort]
    for name in unexamined:
        path = f"{listed.directory}/{name}"
        message = f"{path} is a model in ONNX Runtime's own format (.ort), which is not examined."
        advice = "leave it out, and convert the .onnx file where the model is served"
        yield warning("artifact.unreferred", message, where=path, remedy=advice)
    plain = [name for name in rest if name not in unexamined]
    if plain and listed.is_known:
        more = f" and {len(plain) - MAX_NAMES} more" if len(plain) > MAX_NAMES else ""
        message = f"No model reads {counted(len(plain), 'listed file')}: {', '.join(plain[:MAX_NAMES])}{more}."
        advice = "nothing to do where a service reads them; else leave them out"
        yield warning("artifact.unreferred", message, where=listed.directory, remedy=advice)
    elif listed.is_known and not unexamined:
        message = "the models and golden data read every listed file"
        yield passed("artifact.unreferred", message, where=listed.directory)
