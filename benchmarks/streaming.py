"""What a large file of a bucket, or of Git LFS, costs on its way through promotebot, beside `curl | sha256sum`.

It needs curl and sha256sum. The server is another process, and is not counted.
"""

from __future__ import annotations

import atexit
import hashlib
import subprocess
from pathlib import Path

from comparison import MIB, PYTHON, Command, Comparison

UNIT, HASHED = "`curl`, `tee` and `sha256sum`", "`curl` and `sha256sum`"
_S3 = """
import sys
from pathlib import Path
from promotebot.artifact.digest import copy_hashed
from promotebot.storage.buckets import Buckets
from promotebot.storage.uri import StoredFile, parse_storage_uri
url, size, digest, target = sys.argv[1:]
keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1"}
file = StoredFile(parse_storage_uri("s3://models"), "model.onnx", int(size))
with Buckets({**keys, "AWS_ENDPOINT_URL": url}).session(600) as session, session.open(file) as stream:
    found = copy_hashed(stream, Path(target), where="", max_bytes=int(size))
assert found == (digest, int(size)) or int(size) == 1, found
"""
_LFS = """
import sys
from pathlib import Path
from promotebot.git.lfs_server import LfsServer
from promotebot.git.process import Remote
from promotebot.registry.lfs import LfsPointer
url, size, digest, target = sys.argv[1:]
pointer, server = LfsPointer(digest, int(size)), LfsServer(Remote(f"{url}/acme/models.git", "token"))
problems = server.fetch({Path(target): pointer}, 600)
assert not problems or int(size) == 1, problems
"""
PROGRAMS = {"a bucket of S3": _S3, "Git LFS": _LFS}
LIMITS = {"a bucket of S3": 2.0, "Git LFS": 1.2}


def streamed(scratch: Path, divisor: int) -> list[Comparison]:
    """A file that is downloaded, hashed, and written to a copy."""
    scratch.mkdir(parents=True)
    file, copy, size, zeros = scratch / "file", scratch / "copy", 512 * MIB // divisor, bytes(MIB)
    digest = hashlib.sha256()
    with file.open("wb") as written:
        for _ in range(-(-size // MIB)):
            digest.update(zeros)
            written.write(zeros)
    size, url = file.stat().st_size, served(file)

    def command(*words: str) -> Command:
        return Command(words, scratch, before=lambda: copy.unlink(missing_ok=True))

    def program(code: str, length: int) -> Command:
        return command(*PYTHON, "-c", code, url, str(length), digest.hexdigest(), str(copy))

    curl = f"set -o pipefail; curl --silent {url}/file |"
    cases = {
        UNIT: command("bash", "-c", f"{curl} tee copy | sha256sum"),
        HASHED: command("bash", "-c", f"{curl} sha256sum"),
        **{name: program(code, size) for name, code in PROGRAMS.items()},
        **{f"{name}, the first byte alone": program(code, 1) for name, code in PROGRAMS.items()},
    }
    less = {f"{name}, the difference": (name, f"{name}, the first byte alone") for name in PROGRAMS}
    title = f"A file of {size // MIB} MiB in a bucket and in Git LFS"
    return [Comparison("streaming", title, UNIT, cases, LIMITS, less=less)]


def served(file: Path) -> str:
    """Return the address of a server of one file, which ends with this process."""
    command = [*PYTHON, str(Path(__file__).with_name("bucket.py")), str(file)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    atexit.register(server.wait)
    atexit.register(server.kill)
    return next(iter(server.stdout or ())).strip()
