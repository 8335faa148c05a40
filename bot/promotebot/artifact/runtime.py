"""Opens a model in a process of its own, twice, and turns every way that can end into an answer.

First without optimisation, to learn whether it is a model at all: a few hundred bytes can ask for gigabytes of folded
constants. Then as services open it, with ONNX Runtime's default options.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from promotebot.artifact.answer import (
    UNREADABLE,
    Compared,
    Evaluated,
    NotOpened,
    NotServed,
    Opened,
    Progress,
    Served,
    missing_walls,
    not_opened,
    parse_opened,
    parse_progress,
    printable,
)
from promotebot.artifact.child import NOT_WRITTEN
from promotebot.artifact.compared import PLACE
from promotebot.artifact.evaluation_terms import EvaluationRun
from promotebot.artifact.golden_names import owns_golden
from promotebot.artifact.limits import Limits
from promotebot.artifact.manifest import GoldenTolerances
from promotebot.artifact.opening import Bounds, Ended, OpeningProcess, Over
from promotebot.artifact.orphans import adopted
from promotebot.artifact.starting import COMMAND
from promotebot.artifact.walls import Wall, hide_memory
from promotebot.errors import CouldNotVerify, InvalidInput

_LOAD, _RUN, _MEMORY = "limits.open_seconds", "limits.run_seconds", "limits.open_memory_bytes"


class ModelOpener(Protocol):
    """Opens models; tests put another one in the place of the process."""

    def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
        """Open the model in a directory of bytes that were hashed.

        Raises:
            CouldNotVerify: when nothing could be learned of the model at all.
        """
        ...

    def open_each(
        self,
        directory: Path,
        model_files: Sequence[str],
        limits: Limits,
        tolerances: GoldenTolerances | None = None,  # noqa: ARG002 - of those who run golden data
    ) -> list[Opened | NotOpened]:
        """Open every model of one directory; the first one is the artifact's own.

        Args:
            tolerances: what the manifest gives for golden outputs.
        """
        return [self.open(directory, model_file, limits) for model_file in model_files]

    def evaluate(self, directory: Path, model_file: str, limits: Limits, run: EvaluationRun) -> Evaluated:  # noqa: ARG002 - of those who run models
        """Run a model that opens, and the incumbent where there is one, on an evaluation set beside it."""
        return Evaluated(problem="models are not run here")

    def keeping(self) -> AbstractContextManager[None]:
        """Within the block, keep what serves for many directories."""
        return nullcontext()


class ChildOpener(ModelOpener):
    """Opens models in forks of a process with an empty environment, its own session, and limits."""

    def __init__(self, command: Sequence[str] = COMMAND, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._command, self._monotonic = list(command), monotonic
        self._keeps = False
        self._idle, self._busy = list[OpeningProcess](), set[OpeningProcess]()

    def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
        """Open the model in a process of its own; see `ModelOpener.open`."""
        (result,) = self.open_each(directory, [model_file], limits)
        return result

    def open_each(
        self,
        directory: Path,
        model_files: Sequence[str],
        limits: Limits,
        tolerances: GoldenTolerances | None = None,
    ) -> list[Opened | NotOpened]:
        """Open every model in forks of one process, and of another one after a limit has ended it.

        Several threads may do so at the same time, each with a process of its own.
        """
        hide_memory()
        given = tolerances.model_dump(exclude_none=True) if tolerances else {}
        bounds, left, results = Bounds.of(limits, directory), list(model_files), list[Opened | NotOpened]()
        kept_for = self._keeps
        with adopted():
            while left:
                if kept_for and not self._keeps:
                    raise CouldNotVerify("it was stopped before every model was opened", remedy="run it again")
                kept = self._take_idle()
                try:
                    with self._process(kept) as process:
                        while left and process.is_running:
                            golden = given if owns_golden(left[0], model_files) else None
                            compares = left[0] == model_files[0] and (directory / PLACE).is_dir()
                            one = Opening(directory, left[0], bounds, limits, golden, compares)
                            results.append(_open_twice(process, one))
                            left.pop(0)
                except CouldNotVerify:
                    if not kept:  # another directory's model, or the machine, may have ended it since
                        raise
        return results

    def evaluate(self, directory: Path, model_file: str, limits: Limits, run: EvaluationRun) -> Evaluated:
        """Run both models in a fork of their own; see `ModelOpener.evaluate`."""
        hide_memory()
        bounds = replace(Bounds.of(limits, directory, evaluates=True), run_seconds=run.seconds)
        one = Opening(directory, model_file, bounds, limits, None)
        while True:
            kept = self._take_idle()
            try:
                with adopted(), self._process(kept) as process:
                    runs = {"evaluation": {"incumbent": run.incumbent, "rows": run.rows}}
                    ended = process.open(directory, model_file, bounds, optimised=True, runs=runs, suffice=one.suffice)
                    return evaluated(ended, bounds)
            except CouldNotVerify:
                if not kept:  # as in `open_each`
                    raise

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Within the block, open models in forks of processes that go on: as many as there are threads that open some.

        What is still opened at its end is stopped.
        """
        self._keeps = True
        try:
            yield
        finally:
            self._keeps = False
            for process in [*self._busy]:
                process.end()
            while idle := self._take_idle():
                idle.close()

    def _take_idle(self) -> OpeningProcess | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    @contextmanager
    def _process(self, kept: OpeningProcess | None) -> Iterator[OpeningProcess]:
        """Yield the process that was kept, or a new one; keep it where nothing can have changed it."""
        process = kept or OpeningProcess(self._command, monotonic=self._monotonic)
        self._busy.add(process)
        is_done = False
        try:
            yield process
            is_done = True
        finally:
            self._busy.discard(process)
            if is_done and self._keeps and process.is_running and process.is_walled:
                self._idle.append(process)
            else:
                process.close()


@dataclass(frozen=True)
class Opening:
    """A model to open, where it lies, what that may take, and the tolerances where golden data is its own."""

    directory: Path
    model_file: str
    bounds: Bounds
    limits: Limits
    golden: Mapping[str, float] | None
    compares: bool = False
    """Whether its outputs are compared with those of the incumbent, whose golden data lies in the directory."""

    def suffice(self, walls: Sequence[Wall]) -> bool:
        """Return whether these walls are enough to name the model."""
        return self.limits.walls == "available" or not missing_walls(walls)


def _open_twice(process: OpeningProcess, one: Opening) -> Opened | NotOpened:
    model, bounds = (one.directory, one.model_file), one.bounds
    first = _opened(process.open(*model, bounds, optimised=False, suffice=one.suffice), bounds, one.suffice)
    if isinstance(first, NotOpened):
        return first
    runs = {"golden": one.golden, "compares": one.compares}
    second = process.open(*model, bounds, optimised=True, runs=runs, suffice=one.suffice)
    return first.model_copy(update={"served": _served(second, bounds, compares=one.compares)})


def _opened(ended: Ended, bounds: Bounds, suffice: Callable[[Sequence[Wall]], bool]) -> Opened | NotOpened:
    """Return what the first opening showed.

    Raises:
        CouldNotVerify: when the answer could not be written: that is not the model's fault.
    """
    if ended.over is Over.TIME:
        return not_opened(f"it did not open within {bounds.load_seconds} s ({_LOAD})")
    if ended.over is Over.MEMORY:
        return not_opened(f"it takes more than {bounds.memory_bytes:,} bytes of memory to open ({_MEMORY})")
    if ended.walls is not None and not suffice(ended.walls):
        return NotOpened((), missing_walls(ended.walls))
    if ended.code == -signal.SIGXCPU:
        return not_opened(f"it took more than {bounds.load_seconds} s of processor time ({_LOAD})")
    if ended.code:
        return not_opened(_failure(ended))
    return not_opened(UNREADABLE) if ended.walls is None else parse_opened(ended.output, ended.walls)


def _failure(ended: Ended) -> str:
    """Return how an opening failed that no limit ended.

    Raises:
        CouldNotVerify: when the answer could not be written: that is not the model's fault.
    """
    if ended.code == NOT_WRITTEN:
        raise CouldNotVerify(
            "the process that opened the model could not write its answer: the disk for temporary files may be full",
            remedy="make room for temporary files (TMPDIR), then run the job again",
        )
    if ended.code < 0:
        return f"the process that opened it was ended by {_signal_name(-ended.code)}"
    return f"the process that opened it ended with {ended.code}" + (f": {ended.words}" if ended.words else "")


def _served(ended: Ended, bounds: Bounds, *, compares: bool) -> Served | NotServed:
    """Return what the second opening showed."""
    try:
        told = parse_progress(ended.output)
    except InvalidInput:
        return NotServed(UNREADABLE)
    is_compared = told.is_compared and not ended.code
    if compares and told.is_done and told.load_ms is not None and (is_compared or not told.is_compared):
        # What it showed before stands, whatever became of it on the incumbent's data.
        compared = Compared(told.compared, "" if told.is_compared else _broken_off(ended, told, bounds))
        return Served(told.load_ms, ended.peak_bytes, told.golden, told.latency_ms, compared)
    if ended.over is not None or ended.code == -signal.SIGXCPU:
        return _over(ended, told, bounds)
    if ended.code:
        during = "while it ran" if told.load_ms is not None else "while it loaded"
        return NotServed(f"{_failure(ended)}, {during}", golden=told.golden)
    if told.refused is not None:
        return NotServed(f"ONNX Runtime refuses it: {printable(told.refused)}", golden=told.golden)
    if told.load_ms is None or not told.is_done:
        return NotServed(UNREADABLE, golden=told.golden)
    return Served(told.load_ms, ended.peak_bytes, told.golden, told.latency_ms)


def _broken_off(ended: Ended, told: Progress, bounds: Bounds) -> str:
    """Return why the comparison did not come to its end."""
    if ended.over is Over.MEMORY:
        return (
            f"on these golden inputs the candidate takes more than {bounds.memory_bytes:,} bytes of memory ({_MEMORY})"
        )
    if ended.over is not None or ended.code == -signal.SIGXCPU:
        return f"with these golden inputs the candidate runs longer than {bounds.run_seconds} s ({_RUN})"
    if told.refused is not None:
        return f"ONNX Runtime: {printable(told.refused)}"
    return f"{_failure(ended)}, while the candidate ran on these golden inputs" if ended.code else UNREADABLE


def evaluated(ended: Ended, bounds: Bounds) -> Evaluated:
    """Return what an evaluation showed, or why it showed nothing."""
    try:
        told = parse_progress(ended.output)
    except InvalidInput:
        return Evaluated(problem=UNREADABLE)
    if told.evaluated and told.is_done and not ended.code:
        return told.evaluated
    is_loaded = told.load_ms is not None
    if ended.over is Over.MEMORY:
        problem = f"with both models it takes more than {bounds.memory_bytes:,} bytes of memory ({_MEMORY})"
    elif ended.over is not None or ended.code == -signal.SIGXCPU:
        problem = f"the models run longer than {bounds.run_seconds} s (evaluation_set.seconds)"
        problem = problem if is_loaded else f"the models did not load within {bounds.load_seconds} s ({_LOAD})"
    elif told.refused is not None:
        problem = printable(told.refused)
    else:
        problem = f"{_failure(ended)}, while the models ran on it" if ended.code else UNREADABLE
    return Evaluated(problem=problem[:1000])


def _over(ended: Ended, told: Progress, bounds: Bounds) -> NotServed:
    is_loaded = told.load_ms is not None
    if ended.over is Over.MEMORY:
        doing = "run" if is_loaded else "load"
        message = f"it takes more than {bounds.memory_bytes:,} bytes of memory to {doing}"
        return NotServed(message, _MEMORY, told.golden)
    if is_loaded:
        message = f"it loaded, but did not run its golden data within {bounds.run_seconds} s"
        return NotServed(message, _RUN, told.golden)
    return NotServed(f"it did not load within {bounds.load_seconds} s", _LOAD)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
