"""What a job asks of GitHub, Git LFS and buckets, counted where it is asked; the job's summary shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Cost:
    """Requests to GitHub's API, git's fetches from the remote, and the bytes that Git LFS and buckets gave, so far."""

    reads: int = 0
    writes: int = 0
    fetches: int = 0
    lfs_bytes: int = 0
    """The owner of the repository pays for these, above an allowance."""
    stored_bytes: int = 0
    """Read from buckets."""
    monotonic: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)
    seconds: dict[str, float] = field(default_factory=dict, compare=False)
    """What was waited for → how long, so far."""

    def __post_init__(self) -> None:
        self._started = self.monotonic()

    @property
    def is_any(self) -> bool:
        """True when anything was asked."""
        return bool(self.reads or self.writes or self.fetches)

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """Count the time that the block takes as that of a phase."""
        started = self.monotonic()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + self.monotonic() - started

    @property
    def time(self) -> str:
        """Return how long the job took until now and what it waited for, in words; the rest is its own work."""
        whole = self.monotonic() - self._started
        own = max(0.0, whole - sum(self.seconds.values()))
        parts = [f"{seconds:.1f} s for {phase}" for phase, seconds in self.seconds.items()]
        return f"{whole:.1f} s: {', '.join(parts)}, {own:.1f} s for its own work, such as opening models"

    def __str__(self) -> str:
        return (
            f"{self.reads + self.writes} API requests ({self.reads} reads, {self.writes} writes), "
            f"{self.fetches} git fetches"
            + (f", {self.lfs_bytes:,} bytes from Git LFS" if self.lfs_bytes else "")
            + (f", {self.stored_bytes:,} bytes from buckets" if self.stored_bytes else "")
        )
