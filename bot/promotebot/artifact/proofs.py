"""The models that were opened in one job: the same bytes on the same terms are not opened again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from promotebot.artifact.answer import Evaluated, NotOpened, Opened
from promotebot.artifact.evaluation_terms import EvaluationRun
from promotebot.artifact.limits import Terms
from promotebot.artifact.manifest import GoldenTolerances
from promotebot.artifact.runtime import ModelOpener

Results = list[Opened | NotOpened]


class Proofs:
    """Opens models with another opener's help, each set of bytes once; the runtime is the same for all of a job.

    Only models that did open are remembered: why one did not may have been a busy machine.
    """

    def __init__(self, opener: ModelOpener) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._known: dict[object, Future[Results]] = {}

    def open_each(
        self,
        directory: Path,
        model_files: Sequence[str],
        terms: Terms,
        tolerances: GoldenTolerances | None,
        bytes_read: tuple[tuple[str, str], ...],
    ) -> Results:
        """Open every model of one directory, or return how they opened before; see `ModelOpener.open_each`.

        Args:
            bytes_read: name and sha256 of every file that the models may read, themselves included.
        """
        key = (bytes_read, tuple(model_files), terms, tolerances and tolerances.model_dump_json())
        with self._lock:
            known = self._known.get(key)
            mine: Future[Results] = Future()
            if known is None:
                self._known[key] = mine
        if known is not None:
            return known.result()  # another thread may open it now
        try:
            results = self._opener.open_each(directory, model_files, terms, tolerances)
        except BaseException as problem:
            del self._known[key]
            mine.set_exception(problem)
            raise
        if not all(isinstance(one, Opened) for one in results):
            del self._known[key]
        mine.set_result(results)
        return results

    def evaluate(self, directory: Path, model_file: str, terms: Terms, run: EvaluationRun) -> Evaluated:
        """Run a model on an evaluation set; see `ModelOpener.evaluate`."""
        return self._opener.evaluate(directory, model_file, terms, run)
