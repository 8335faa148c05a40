"""Files outside of git for a program that loads a model: read only where a pointer pins the manifest that names them.

No policy is asked here. The manifest was judged by one when it was promoted, and the pointer has its digest since.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from promotebot.artifact.digest import Readable
from promotebot.artifact.manifest import FILE_NAME, Manifest
from promotebot.artifact.proof import Elsewhere
from promotebot.errors import InvalidInput
from promotebot.registry.model import Pointer
from promotebot.registry.names import Stage
from promotebot.remedies import Remedy, shell
from promotebot.storage.uri import StoredFile

SECONDS = 3600
"""For reading the files of one artifact; a service has other limits than a job of Actions."""


@contextmanager
def pinned_files(pointer: Pointer) -> Iterator[Elsewhere]:
    """Yield what opens the files outside of git that a pointer's manifest names, with the environment's credentials."""
    from promotebot.storage.buckets import Buckets

    with Buckets(os.environ).session(SECONDS, too_slow="run it again") as reader:

        def open_pinned(manifest: Manifest, file: StoredFile) -> AbstractContextManager[Readable]:
            if pointer.manifest_digest != manifest.full_digest:
                message = f"{file.url} is not read: the pointer does not pin the manifest that names this place"
                raise InvalidInput(message, where=FILE_NAME)
            return reader.open(file)

        yield open_pinned


def bring(model: str, stage: Stage, base: str) -> Remedy:
    """Return the line that copies an artifact with its files outside of git, and the other way to load it."""
    words = ["promotebot", "fetch", model, stage.value, "--to", f"{model}-{stage.value}"]
    line = shell(*words, *(["--base-dir", base] if base != "." else []))
    return Remedy("copy it with them: ", line, "; or give promotebot.load a directory for them: cache")
