"""What a job asks of GitHub, Git LFS and buckets, counted where it is asked; the job's summary shows it."""

from __future__ import annotations

from dataclasses import dataclass


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

    @property
    def is_any(self) -> bool:
        """True when anything was asked."""
        return bool(self.reads or self.writes or self.fetches)

    def __str__(self) -> str:
        return (
            f"{self.reads + self.writes} API requests ({self.reads} reads, {self.writes} writes), "
            f"{self.fetches} git fetches"
            + (f", {self.lfs_bytes:,} bytes from Git LFS" if self.lfs_bytes else "")
            + (f", {self.stored_bytes:,} bytes from buckets" if self.stored_bytes else "")
        )
