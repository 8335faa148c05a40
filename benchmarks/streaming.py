"""What a large file of a bucket, or of Git LFS, costs on its way through promotebot, beside `curl | sha256sum`.

Processor time is compared, that of all processes together but the server's.

Run it with the interpreter that has promotebot installed: `.venv/bin/python benchmarks/streaming.py`; the number of
rounds may follow. It needs curl and sha256sum.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rounds import Times, measure, ratio, table
from scratch import processor_seconds

SIZE = 512 * 1024 * 1024
MIB = 1024 * 1024
LIMIT, MAX_MEMORY = 1.0, 100 * MIB
"""Times `curl | tee | sha256sum`; bytes of memory beyond those of a file of one byte."""
FIRST = ", one byte"
UNIT, WRITTEN = "curl | sha256sum", "curl | tee copy | sha256sum"
_PEAK = """
import re
from pathlib import Path
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024)
"""
_S3 = f"""
import sys
from pathlib import Path
from promotebot.artifact.digest import copy_hashed
from promotebot.storage.buckets import Buckets
from promotebot.storage.uri import StoredFile, parse_storage_uri
url, size, digest, target = sys.argv[1:]
keys = {{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1"}}
file = StoredFile(parse_storage_uri("s3://models"), "model.onnx", int(size))
with Buckets({{**keys, "AWS_ENDPOINT_URL": url}}).session(600) as session, session.open(file) as stream:
    Path(target).unlink(missing_ok=True)
    found = copy_hashed(stream, Path(target), where="", max_bytes=int(size))
    assert found == (digest, int(size)) or int(size) == 1, found
{_PEAK}
"""
_LFS = f"""
import sys
from pathlib import Path
from promotebot.git.lfs_server import LfsServer
from promotebot.git.process import Remote
from promotebot.registry.lfs import LfsPointer
url, size, digest, target = sys.argv[1:]
Path(target).unlink(missing_ok=True)
pointer, server = LfsPointer(digest, int(size)), LfsServer(Remote(f"{{url}}/acme/models.git", "token"))
problems = server.fetch({{Path(target): pointer}}, 600)
assert not problems or int(size) == 1, problems
{_PEAK}
"""
PROGRAMS = {"promotebot, a bucket": _S3, "promotebot, Git LFS": _LFS}


def main() -> int:
    """Print a table; exit 0 when both ways are within the limits, 1 when not."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory(prefix="promotebot-bench-") as scratch:
        root, zeros = Path(scratch), bytes(MIB)
        digest = hashlib.sha256()
        with (root / "file").open("wb") as file:
            for _ in range(SIZE // MIB):
                digest.update(zeros)
                file.write(zeros)
        with served(root / "file") as url:
            given = [url, str(SIZE), digest.hexdigest(), str(root / "copy")]
            first = [url, "1", *given[2:]]
            cases: dict[str, Callable[[], float]] = {
                UNIT: partial(piped, f"curl --silent {url}/file | sha256sum", root),
                WRITTEN: partial(piped, f"curl --silent {url}/file | tee copy | sha256sum", root),
                **{name: partial(program, code, given, root) for name, code in PROGRAMS.items()},
                **{name + FIRST: partial(program, code, first, root) for name, code in PROGRAMS.items()},
            }
            times = measure(cases, rounds)
            memory = {name: peak(code, given) - peak(code, first) for name, code in PROGRAMS.items()}
    sys.stdout.write(f"{SIZE // MIB} MiB\n{table(times, UNIT)}")
    told = [within(name, beyond_the_start(times, name), memory[name]) for name in PROGRAMS]
    return 0 if all(told) else 1


def beyond_the_start(times: Times, name: str) -> float:
    """Return the ratio of one way to the unit, without what loading its libraries and asking for one byte takes."""
    beyond = [whole - start for whole, start in zip(times[name], times[name + FIRST], strict=True)]
    return ratio({name: beyond, WRITTEN: times[WRITTEN]}, name, WRITTEN)


def within(name: str, cost: float, memory: int) -> bool:
    """Print the verdict on one way, beyond its start, and return it."""
    is_within = cost <= LIMIT and memory <= MAX_MEMORY
    sys.stdout.write(
        f"{name}, beyond its start: {cost:.2f} × {WRITTEN}, the limit is {LIMIT}; {memory / MIB:.0f} MiB of memory, "
        f"the limit is {MAX_MEMORY // MIB}: {'ok' if is_within else 'TOO MUCH'}\n"
    )
    return is_within


@contextmanager
def served(file: Path) -> Iterator[str]:
    """Yield the address of a server of one file."""
    command = [sys.executable, "-I", str(Path(__file__).with_name("bucket.py")), str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield next(iter(server.stdout or ())).strip()
        finally:
            server.terminate()


def piped(line: str, directory: Path) -> float:
    """What a line of a shell takes."""
    return processor_seconds(["bash", "-c", f"set -o pipefail; {line}"], directory)


def program(code: str, given: Sequence[str], directory: Path) -> float:
    """What a program takes."""
    return processor_seconds([sys.executable, "-I", "-c", code, *given], directory)


def peak(code: str, given: Sequence[str]) -> int:
    """Return the bytes that a program has in memory at most."""
    done = subprocess.run([sys.executable, "-I", "-c", code, *given], capture_output=True, text=True, check=True)
    return int(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
