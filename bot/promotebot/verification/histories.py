"""The histories of many models, checked on all cores: forks of this process each look at a share of them."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime

from promotebot.artifact.threads import cores
from promotebot.errors import PromotebotError
from promotebot.findings import Finding
from promotebot.promotion.append_only import check_append_only
from promotebot.promotion.history import check_entry
from promotebot.registry.names import ModelName
from promotebot.registry.registry import ModelRegistry

Check = Callable[[str], list[Finding]]
"""Returns the findings on the model of that name."""
FROM = 500
"""Models that are worth starting processes for: the check of a history takes a few milliseconds."""


def check_history(registry: ModelRegistry, base: ModelRegistry | None, name: str, now: datetime) -> Iterator[Finding]:
    """Yield the findings on one model's history: by itself, and beside an earlier registry, whose events it keeps."""
    if name in registry:
        yield from check_entry(registry, ModelName(name), now)
    if base is not None:
        yield from check_append_only(base, registry, [name])


@contextmanager
def on_all_cores(check: Check, names: Sequence[str], workers: int | None = None) -> Iterator[Check]:
    """Within the block, give a function that returns what `check` does, of many models computed ahead.

    A fork holds what was read as this process does, so nothing is read again. It only hands over findings: what it
    does not get to, and what raises an error, is checked by whoever asks.

    Args:
        names: of the models, in the order in which they are asked for.
        workers: processes; None for as many as there are cores.
    """
    workers = workers or cores()
    if len(names) < FROM or workers < 2 or not hasattr(os, "fork"):
        yield check
        return
    with ExitStack() as ended:
        shares = [_Share(check, names[first::workers]) for first in range(workers)]
        for share in shares:
            ended.callback(share.close)
        share_of = {name: shares[number % workers] for number, name in enumerate(names)}

        def ahead(name: str) -> list[Finding]:
            share = share_of.get(name)
            found = share.result(name) if share else None
            return check(name) if found is None else found

        yield ahead


class _Share:
    """A fork that checks some models one after another; it waits while nobody reads what it found."""

    def __init__(self, check: Check, names: Sequence[str]) -> None:
        reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reading)
            _work(check, names, writing)
        os.close(writing)
        self._found = os.fdopen(reading, "rb")

    def result(self, name: str) -> list[Finding] | None:
        """Return what was found about the model that is next; None where there is nothing about it."""
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            told, found = pickle.load(self._found)  # noqa: S301 - written by a fork of this very process
            if told == name:
                return list(found) if found is not None else None
        return None

    def close(self) -> None:
        """End it, and wait for its end."""
        self._found.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _work(check: Check, names: Sequence[str], writing: int) -> None:
    """Write what is found of each model, and end this process, whatever happens: nothing else of it may go on."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it hears it, and ends it
        with os.fdopen(writing, "wb") as told:
            for name in names:
                try:
                    found = check(name)
                except PromotebotError:
                    found = None
                pickle.dump((name, found), told)
    finally:
        os._exit(0)
