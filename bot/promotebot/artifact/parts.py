"""The parts of an artifact: its models, what they read, and files that nothing refers to, programs among them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from promotebot.artifact.answer import NotOpened, Opened
from promotebot.artifact.files import REPORT
from promotebot.artifact.limits import Limits, Program
from promotebot.artifact.manifest import Manifest
from promotebot.findings import Finding, error, passed, warning
from promotebot.text import counted

MAX_NAMES = 10
"""Files that one finding names."""
_EXPECTED = re.compile(r"(?:.*/)?test_data_set_[0-9]{1,6}/(?:in|out)put_[0-9]{1,6}\.pb")
_SUFFIXES: Mapping[str, Program] = {
    **dict.fromkeys((".so", ".dll", ".dylib", ".exe", ".pyd"), "libraries"),
    **dict.fromkeys((".py", ".pyc", ".sh", ".bat", ".cmd", ".ps1", ".js", ".jar"), "scripts"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".dill"), "pickles"),
}
_BEGINNINGS: Mapping[bytes, Program] = {
    b"\x7fELF": "libraries",
    b"MZ": "libraries",
    **dict.fromkeys((b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"), "libraries"),
    b"#!": "scripts",
    **{bytes([0x80, version]): "pickles" for version in range(2, 6)},
}
"""How a file begins, of those that no model reads; weights may begin with anything."""
_RUNS: Mapping[Program, str] = {
    "libraries": "a program or library",
    "scripts": "a script",
    "pickles": "a pickle, which runs what it holds when it is loaded",
}


def models_of(manifest: Manifest) -> list[str]:
    """Return every model that the manifest lists, its own first."""
    others = sorted(name for name in manifest.sha256 if name.lower().endswith(".onnx") and name != manifest.model_file)
    return [manifest.model_file, *others]


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
    copy: Path
    referred: set[str]
    is_known: bool
    """False where a model was not opened, so that it does not say what it reads."""

    @property
    def others(self) -> list[str]:
        """Return the files that nothing refers to, as far as that is known."""
        names = sorted(set(self.manifest.sha256) - self.referred - {REPORT})
        return [name for name in names if not _EXPECTED.fullmatch(name)]

    @property
    def programs(self) -> dict[str, Program]:
        """Return those that run where somebody loads them."""
        found = {name: self._program(name) for name in self.others}
        return {name: program for name, program in found.items() if program}

    def _program(self, name: str) -> Program | None:
        """Return what kind of program a file is by its name, or by its first bytes; None for none."""
        lower = name.lower()
        suffix = next((program for end, program in _SUFFIXES.items() if lower.endswith(end)), None)
        if suffix is not None or re.search(r"\.so(\.[0-9]+)+$", lower):
            return suffix or "libraries"
        if not self.is_known:
            return None
        with (self.copy / name).open("rb") as file:
            beginning = file.read(4)
        return next((program for sign, program in _BEGINNINGS.items() if beginning.startswith(sign)), None)


def program_findings(listed: Listed, limits: Limits) -> Iterator[Finding]:
    """Yield the programs among the listed files that no model reads."""
    for name, program in listed.programs.items():
        path = f"{listed.directory}/{name}"
        message = f"{path} is {_RUNS[program]}, and no model reads it."
        if program in limits.may_hold:
            advice = "look at what it does; the policy allows it (limits.may_hold)"
            yield warning("artifact.executable", message, where=path, remedy=advice)
        else:
            way = f"leave it out of the artifact; or allow it: limits.may_hold: [{program}] in the base's policy"
            yield error("artifact.executable", message, where=path, remedy=way)
    if not listed.programs:
        yield passed("artifact.executable", "no program, script or pickle among the files", where=listed.directory)


def unreferred_findings(listed: Listed) -> Iterator[Finding]:
    """Yield one warning that names the other files that no model reads; nothing where that is not known."""
    programs = listed.programs
    plain = [name for name in listed.others if name not in programs]
    if plain and listed.is_known:
        more = f" and {len(plain) - MAX_NAMES} more" if len(plain) > MAX_NAMES else ""
        message = f"No model reads {counted(len(plain), 'listed file')}: {', '.join(plain[:MAX_NAMES])}{more}."
        advice = "nothing to do where a service reads them; else leave them out"
        yield warning("artifact.unreferred", message, where=listed.directory, remedy=advice)
    elif listed.is_known:
        message = "the models and golden data read every listed file"
        yield passed("artifact.unreferred", message, where=listed.directory)
