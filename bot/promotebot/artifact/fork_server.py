"""The process in which models are opened: it loads the runtime once, and forks for each opening.

It never reads a byte of a model itself. What an opening gets is a conversation and a file for its answer, of its own;
how it ended is told by its parent and the kernel, not by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any

MAX_MESSAGE = 1000
"""Bytes of one message in either direction."""

Opening = Callable[[Mapping[str, Any]], None]
"""Does what a request asks for, in the fork; the conversation is its stdin, the answer's file its stdout."""


def serve(open_one: Opening) -> int:
    """Answer requests on stdin, a SOCK_SEQPACKET, until there are no more; return an exit code.

    Each request is one JSON message with three descriptors: the conversation's, the answer's, and that of the directory
    with the model, in which the fork works. Two messages come back:
    {"pid"} when the fork is there, and {"code", "peak_bytes"} when it has ended; a negative code is a signal.
    """
    control = socket.socket(fileno=os.dup(0))
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE, 3)
        if not message:
            return 0
        pid = os.fork()
        if pid == 0:
            control.close()
            _open(open_one, json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _send(control, {"pid": pid})
        _, status, usage = os.wait4(pid, 0)
        # https://man7.org/linux/man-pages/man2/getrusage.2.html: in kilobytes
        _send(control, {"code": os.waitstatus_to_exitcode(status), "peak_bytes": usage.ru_maxrss * 1024})


def _send(control: socket.socket, document: Mapping[str, int]) -> None:
    # Whoever asked may have gone; this process is then ended, too.
    with contextlib.suppress(OSError):
        control.send(json.dumps(document).encode())


def _open(open_one: Opening, request: Mapping[str, Any], descriptors: list[int]) -> None:
    """Run one opening in the fork, and end there whatever happens: nothing of the loop above may go on in it."""
    code = 1
    try:
        conversation, answer, directory = descriptors
        os.dup2(conversation, 0)
        os.dup2(answer, 1)
        os.fchdir(directory)
        for descriptor in descriptors:
            os.close(descriptor)
        open_one(request)
        sys.stdout.flush()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException as problem:  # noqa: BLE001 - its parent is told by the code, and by the last words
        with contextlib.suppress(Exception):
            sys.stderr.write(f"{type(problem).__name__}: {problem}\n")
            sys.stderr.flush()
    # A library that crashes while Python shuts down must not turn an answer into a failure.
    os._exit(code)
