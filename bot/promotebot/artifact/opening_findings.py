"""The rules on what opening a model showed, as findings: walls, graph, external data, runtime, golden data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from promotebot.artifact.answer import Golden, NotOpened, NotServed, Opened, Served
from promotebot.artifact.golden_names import lookalikes, sets_beside
from promotebot.artifact.limits import Lack, Limits
from promotebot.artifact.manifest import Manifest, manifest_command
from promotebot.findings import Finding, Severity, error, passed, warning
from promotebot.remedies import Remedy
from promotebot.text import counted, time_words

SERVES = "artifact.serves"
"""The rule that warns below ACTIVE, and refuses there (`for_active`)."""
_WALLED = "on Linux 5.13 or newer, on x86_64 or aarch64 (docs/rules.md, artifact.walls)"


@dataclass(frozen=True)
class Subject:
    """One model of an artifact's directory."""

    manifest: Manifest
    directory: str
    model_file: str
    golden: bool
    """Whether the golden data beside it is its own."""

    @property
    def where(self) -> str:
        """Return its place in the repository."""
        return f"{self.directory}/{self.model_file}"

    @property
    def beside(self) -> str:
        """Return its folder below the directory, with a slash; empty for the directory itself."""
        folder = self.model_file.rpartition("/")[0]
        return f"{folder}/" if folder else ""


def opening_findings(result: Opened | NotOpened, subject: Subject, limits: Limits) -> Iterator[Finding]:
    """Yield the findings on what became of a model."""
    yield from _walls(result, subject.where)
    if isinstance(result, NotOpened):
        yield from _not_opened(result, subject, limits)
        return
    yield from _opened(result, subject)
    yield _served(result.served, subject.where)
    if subject.golden:
        yield from _golden(result.served, subject)


def for_active(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings as they count for ACTIVE: what services cannot open is refused there."""
    return tuple(
        finding.model_copy(update={"severity": Severity.ERROR})
        if finding.rule == SERVES and finding.severity is Severity.WARNING
        else finding
        for finding in findings
    )


def _served(served: Served | NotServed, where: str) -> Finding:
    if isinstance(served, NotServed):
        message = f"With ONNX Runtime's default options, as services open it, {where} fails: {served.problem}."
        if served.limit:
            remedy = f"make the model smaller, or raise {served.limit} in the policy of the base branch"
        else:
            remedy = "find the optimisation that fails (SessionOptions, disabled_optimizers), and export it without"
        return warning(SERVES, message, where=where, remedy=remedy)
    latency = served.latency_ms
    times = (
        f"; a row takes {time_words(latency.p50)} (median of {counted(latency.runs, 'run')}; "
        f"{time_words(latency.fastest)} to {time_words(latency.p95)})"
        if latency
        else ""
    )
    memory = f"{served.peak_bytes / 10**6:,.0f} MB"
    message = f"default options load it in {time_words(served.load_ms)}, with {memory} of memory{times}"
    return passed(SERVES, message, where=where)


def _not_opened(result: NotOpened, subject: Subject, limits: Limits) -> Iterator[Finding]:
    where = subject.where
    for problem in result.problems:
        if problem.lacks and problem.lacks in limits.may_lack:
            message = f"{where} was not opened, and nothing of it was run: {_LACKS[problem.lacks]} ({problem.message})."
            advice = "try it where it will run before you approve; the policy allows it (limits.may_lack)"
            yield warning("artifact.waived", message, where=where, remedy=advice)
        elif problem.lacks:
            message = f"{where} is not opened: {_LACKS[problem.lacks]} ({problem.message})."
            yield error(problem.rule, message, where=where, remedy=_way_without(problem.lacks))
        else:
            is_external = problem.rule == "artifact.external_data"
            beginning = f"External data of {where}" if is_external else f"{where} is not opened"
            remedy = _repair(problem.rule, subject.directory, subject.manifest.model_file)
            yield error(problem.rule, f"{beginning}: {problem.message}.", where=where, remedy=remedy)


_LACKS: Mapping[Lack, str] = {
    "operators": "it needs operators that ONNX Runtime does not have here",
    "kernels": "it needs an operator that ONNX Runtime cannot run on this processor",
    "locales": "it needs a language of the system that is not installed here",
}


def _way_without(lack: Lack) -> str:
    way = {
        "operators": "export it with standard operators",
        "kernels": "export it for a CPU, too",
        "locales": "install the locale that it names (Debian: locales-all)",
    }[lack]
    return f"{way}; or allow models that cannot be opened here for it: limits.may_lack: [{lack}] in the base's policy"


def _repair(rule: str, directory: str, model_file: str) -> Remedy:
    rewrite = manifest_command(directory, model_file)
    if rule == "artifact.external_data":
        return Remedy("keep it beside the model in the artifact's directory, and list it: ", rewrite)
    return Remedy("export the model again, then write its manifest: ", rewrite)


def _walls(result: Opened | NotOpened, where: str) -> Iterator[Finding]:
    """Yield which walls stood around the process that opened the model, or for want of which it was not opened."""
    missing = ", ".join(result.missing_walls)
    if isinstance(result, Opened) and not missing:
        yield passed("artifact.walls", f"opened with every sandbox wall: {', '.join(result.walls)}", where=where)
    elif isinstance(result, Opened):
        message = (
            f"The model was opened without a sandbox wall: {missing}. A model that exploits a bug in ONNX Runtime "
            "could use that."
        )
        yield warning("artifact.walls", message, where=where, remedy=f"open it {_WALLED}")
    elif missing:
        message = (
            f"The model was not opened: a sandbox wall could not be set up ({missing}), and the policy requires all of "
            "them."
        )
        remedy = f"open it {_WALLED}; or set limits.walls: available in the base's policy"
        yield error("artifact.walls", message, where=where, remedy=remedy)


def _opened(result: Opened, subject: Subject) -> Iterator[Finding]:
    where = subject.where
    opsets = ", ".join(f"{opset.domain or 'ai.onnx'} {opset.version}" for opset in result.opsets)
    yield passed("artifact.graph", f"operators of {opsets or 'no set'}", where=where)
    # The model names its files relative to itself, the manifest relative to the artifact.
    unlisted = [name for name in result.external_files if f"{subject.beside}{name}" not in subject.manifest.sha256]
    for name in unlisted:
        yield error(
            "artifact.external_data",
            f"The model reads {name!r}, which the manifest does not list.",
            where=where,
            remedy="keep external data in the artifact's directory, and list it",
        )
    if not unlisted:
        count = len(result.external_files)
        yield passed(
            "artifact.external_data", f"{counted(count, 'external file')}, all listed" if count else "none", where=where
        )
    signature = f"{counted(len(result.inputs), 'input')}, {counted(len(result.outputs), 'output')}"
    yield passed("artifact.opens", f"ONNX Runtime opens the model: {signature}", where=where)
    if result.checker:
        message = f"onnx's own checker objects to {where}, though ONNX Runtime opens it: {result.checker.rstrip('.')}."
        yield warning(
            "artifact.checker", message, where=where, remedy="if another runtime will run the model, try it there"
        )
    else:
        yield passed("artifact.checker", "onnx's own checker finds no problem", where=where)


def _reproduced(report: Golden, where: str, *, by_manifest: bool) -> Finding:
    """Return how close a set came; a warning where the manifest allows more than is usual."""
    gap = f"largest difference {report.difference:.1e}" if report.difference is not None else "equal"
    if report.allowed and report.difference is not None:
        gap += f", allowed {_pair(report.allowed)}{' by the manifest' if by_manifest else ''}"
    told = f"{report.name} reproduced, {report.compared} of {counted(report.outputs, 'output')} compared, {gap}"
    if report.usual is None:
        return passed("artifact.golden", told, where=where)
    message = f"{told}. The manifest allows more than is usual for an output of this type: {_pair(report.usual)}."
    advice = (
        "check that outputs that differ so much are good enough; else set smaller tolerances (golden in the manifest)"
    )
    return warning("artifact.golden", message, where=where, remedy=advice)


def _pair(tolerances: Sequence[float]) -> str:
    relative, absolute = tolerances
    return f"{relative:.3g} relative and {absolute:.3g} absolute"


def _golden(served: Served | NotServed, subject: Subject) -> Iterator[Finding]:
    """Check that every golden set in the manifest was reproduced; one that the process did not report was not run.

    Nothing is said of what could not be run because the model was not served: `artifact.serves` says so.
    """
    manifest, directory, beside = subject.manifest, subject.directory, subject.beside
    names = sets_beside(manifest, beside)
    reports = {report.name: report for report in served.golden}
    # The manifest's list is authoritative: a process under a hostile model's control could leave a set out.
    for name in names:
        where, report = f"{directory}/{beside}{name}", reports.get(name)
        if report is None and isinstance(served, NotServed):
            continue
        if report is not None and report.equal:
            yield _reproduced(report, where, by_manifest=manifest.golden is not None)
            continue
        yield error(
            "artifact.golden",
            f"{where} is not reproduced: {report.problem if report else 'it was not run'}.",
            where=where,
            remedy=Remedy(
                "export the model and its golden outputs together, then write the manifest: ",
                manifest_command(directory, manifest.model_file),
            ),
        )
    # Folders that were meant to be golden data are told of otherwise (`promotebot.artifact.golden_names`).
    if not names and subject.model_file == manifest.model_file and not lookalikes(manifest):
        yield warning(
            "artifact.golden",
            "There is no test_data_set_0 to run the model on.",
            where=directory,
            remedy=f"add {directory}/{beside}test_data_set_0/input_0.pb and output_0.pb (ONNX's convention)",
        )
