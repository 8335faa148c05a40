"""act, a real workflow runner, on this machine without Docker: one job at a time, each with a token of its own.

act ignores `permissions:`, so the caller gives each job a token that can do what the job's own block says.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

STAND_INS = Path(__file__).parent / "stand_ins"
PINNED = {
    "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1": STAND_INS / "checkout",
    "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a": STAND_INS / "upload-artifact",
    "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c": STAND_INS / "download-artifact",
}
BIN = Path(sys.executable).parent
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
MACHINE = ("UV_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""How this machine reaches its package registry; the only thing of it that a job is given, besides PATH."""


@dataclass(frozen=True)
class Step:
    """A finished step of the job itself: its name, or what it uses, and `success` or `failure`."""

    name: str
    result: str


@dataclass(frozen=True)
class JobRun:
    """What act tells of one job. `result` is `skipped` when its condition kept it from starting."""

    job: str
    result: str
    steps: tuple[Step, ...]
    log: str


@dataclass(frozen=True)
class Act:
    """Everything that stays the same for all jobs of one test."""

    checkout: Path
    """The default branch: the files of these events are read there."""
    scratch: Path
    environment: Mapping[str, str]
    """The job's environment: the addresses of GitHub and the repository's name."""
    actions: Mapping[str, Path]
    """`OWNER/NAME@REF` to the folder that stands in for it; no other action can be used."""

    def run(self, workflow: str, job: str, event_name: str, payload: Mapping[str, Any], token: str) -> JobRun:
        """Run one job of a workflow file to its end, and before it the jobs that it needs."""
        event = self.scratch / "event.json"
        event.write_text(json.dumps(payload), encoding="utf-8")
        done = subprocess.run(
            [
                *(str(BIN / "act"), event_name, "--eventpath", str(event), "--json"),
                *("--workflows", workflow, "--job", job, "--platform", "ubuntu-latest=-self-hosted"),
                *("--no-cache-server", "--no-skip-checkout", "--action-offline-mode"),
                *("--action-cache-path", str(self.scratch / "act"), "--secret", "GITHUB_TOKEN"),
                *_repeated("--local-repository", {**PINNED, **self.actions}),
                *_repeated("--env", self._job_environment()),
            ],
            cwd=self.checkout,
            env=self._own_environment(token),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return _read(job, done.stdout, done.stderr)

    def _own_environment(self, token: str) -> dict[str, str]:
        """For act itself: a home of its own, and the token where it does not show in a list of processes."""
        home = self.scratch / "home"
        home.mkdir(exist_ok=True)
        return {"PATH": os.environ["PATH"], "HOME": str(home), "GITHUB_TOKEN": token}

    def _job_environment(self) -> dict[str, str]:
        return {
            **({"UV_SYSTEM_CERTS": "true"} if CERTIFICATES.is_file() else {}),
            **{name: value for name, value in os.environ.items() if name.upper().startswith(MACHINE)},
            "NO_PROXY": "127.0.0.1,localhost",
            "UV_CACHE_DIR": str(Path(sys.prefix) / ".uv-cache"),  # goes with the environment: make clean
            "UV_PYTHON_DOWNLOADS": "never",
            **_from_folder(_wheels()),
            **self.environment,
        }


def _from_folder(wheels: Path) -> dict[str, str]:
    """Have pip take what it installs from a folder, and the hashes from the lock as ever."""
    return {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}


def _wheels() -> Path:
    """Return the folder with what pip installs in a job, fetched once for all jobs; it goes with the environment."""
    lock = Path(__file__).resolve().parents[2] / "requirements/bootstrap.txt"
    wheels = Path(sys.prefix) / f".wheels-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not wheels.is_dir():
        with TemporaryDirectory(dir=sys.prefix) as scratch:
            fetched = Path(scratch) / "wheels"
            download = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--require-hashes",
                "--only-binary",
                ":all:",
            ]
            subprocess.run([*download, "--dest", str(fetched), "--requirement", str(lock)], check=True)
            with suppress(OSError):  # another worker was faster
                fetched.rename(wheels)
    return wheels


def _repeated(flag: str, pairs: Mapping[str, object]) -> Iterator[str]:
    for name, value in pairs.items():
        yield from (flag, f"{name}={value}")


def _read(job: str, out: str, err: str) -> JobRun:
    """The lines of `act --json`: steps of the job itself have one part in `stepID`, those within an action more."""
    told: Sequence[dict[str, Any]] = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    lines = [line for line in told if line.get("jobID", job) == job]
    steps = [
        Step(line["step"], line["stepResult"])
        for line in lines
        if line.get("stage") == "Main" and "stepResult" in line and len(line.get("stepID", ())) == 1
    ]
    results = [line["jobResult"] for line in lines if "jobResult" in line]
    log = "\n".join(str(line.get("msg", "")) for line in told) + err
    assert len(results) <= 1, log
    return JobRun(job, results[0] if results else "skipped", tuple(steps), log)
