"""Runs a command with a small file system mounted on a directory, in a mount namespace of its own.

`unshare --mount --map-root-user python -I mounted.py DIRECTORY OPTIONS COMMAND…` copies the directory's files onto a
tmpfs, mounts that with OPTIONS (`ro`, `size=64k`), runs the command and prints as JSON how it ended and what the
directory held then. The namespace and the mount are gone when it ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def main() -> None:
    directory, options, *command = sys.argv[1:]
    files = {path.name: path.read_bytes() for path in Path(directory).iterdir()}
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=True)
    for name, data in files.items():
        (Path(directory) / name).write_bytes(data)
    subprocess.run(["mount", "-o", f"remount,{options}", directory], check=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False) if command else None
    unchanged = {path.name: path.read_bytes() for path in Path(directory).iterdir()} == files
    ended = {"code": done.returncode, "out": done.stdout, "err": done.stderr} if done else {}
    json.dump({**ended, "unchanged": unchanged}, sys.stdout)


if __name__ == "__main__":
    main()
