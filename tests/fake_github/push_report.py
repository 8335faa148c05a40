"""The report on a push: the reason beside a refused ref, where git itself only says "hook declined".

The update hook writes `fake-github-reason: REF REASON` among its messages; here that line becomes the reason in the
report. https://git-scm.com/docs/gitprotocol-pack#_report_status
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MARK = "fake-github-reason: "
DECLINED = "error: hook declined to update "
REPORT, MESSAGES = 1, 2  # side-bands
LARGEST = 65_515  # bytes of one side-band packet
FLUSH = b"0000"


def with_reasons(answer: bytes) -> bytes:
    """Return the answer of `git receive-pack` with the hook's reasons in the report; others are left as they are."""
    bands = _bands(answer)
    if bands is None or MARK.encode() not in bands[MESSAGES]:
        return answer
    messages, reasons = _split_reasons(bands[MESSAGES].decode("utf-8", "surrogateescape"))
    report = b"".join(_packet(_reasoned(line, reasons)) for line in _packets(bands[REPORT])) + FLUSH
    stderr = messages.encode("utf-8", "surrogateescape")
    return b"".join([*_on_band(MESSAGES, stderr), *_on_band(REPORT, report), FLUSH])


def _bands(answer: bytes) -> dict[int, bytes] | None:
    """Return each side-band's bytes; None for an answer that is not multiplexed."""
    bands = {REPORT: b"", MESSAGES: b""}
    try:
        for packet in _packets(answer):
            bands[packet[0]] += packet[1:]
    except (ValueError, KeyError):
        return None
    return bands


def _packets(data: bytes) -> Iterator[bytes]:
    """Yield the payloads of pkt-lines; a flush ends nothing and carries nothing. Raises ValueError for other bytes."""
    at = 0
    while at < len(data):
        size = int(data[at : at + 4], 16)
        if size > 4:
            yield data[at + 4 : at + size]
        at += max(size, 4)


def _packet(payload: bytes) -> bytes:
    return b"%04x%s" % (len(payload) + 4, payload)


def _on_band(band: int, data: bytes) -> Iterable[bytes]:
    return (_packet(bytes([band]) + data[at : at + LARGEST]) for at in range(0, len(data), LARGEST))


def _split_reasons(messages: str) -> tuple[str, dict[str, str]]:
    """Return the messages without the marked lines and git's remark on them, and the reason for each refused ref."""
    kept, reasons = [], {}
    for line in messages.splitlines(keepends=True):
        if line.startswith(MARK):
            ref, _, reason = line.removeprefix(MARK).strip().partition(" ")
            reasons[ref] = reason
        elif not line.startswith(DECLINED):
            kept.append(line)
    return "".join(kept), reasons


def _reasoned(line: bytes, reasons: dict[str, str]) -> bytes:
    verdict, _, rest = line.decode("utf-8", "surrogateescape").partition(" ")
    ref = rest.partition(" ")[0]
    if verdict != "ng" or ref not in reasons:
        return line
    return f"ng {ref} {reasons[ref]}\n".encode("utf-8", "surrogateescape")
