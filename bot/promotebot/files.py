"""Files written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from promotebot.errors import UsageError


def write_file(path: Path, data: bytes) -> None:
    """Write a whole file or nothing: beside it, then renamed over it.

    Raises:
        UsageError: when the directory takes no file.
    """
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        temporary = ""
    except OSError as problem:
        raise UsageError(
            f"cannot write: {problem.strerror}", where=str(path), remedy="check space and permissions"
        ) from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
