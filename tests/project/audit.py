"""Is a locked dependency known to be vulnerable? `make audit` asks PyPI's advisories, and says when nobody answered.

Exits 0 when every dependency was looked up and none is known to be vulnerable, 1 when one is, 4 when it is not known.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LOCKS = tuple(f"requirements/{name}.txt" for name in ("runtime", "sigstore", "s3", "gcs", "azure", "dev", "release"))
NEXT = "Next: make audit, on a machine that reaches the advisories"


def verdict(answer: Mapping[str, Any] | None) -> tuple[int, str]:
    """Exit code and words for what pip-audit answered; None when it gave no answer at all."""
    looked_up = [entry for entry in (answer or {}).get("dependencies", []) if "vulns" in entry]
    skipped = [entry["name"] for entry in (answer or {}).get("dependencies", []) if "vulns" not in entry]
    lines = [_line(entry, vulnerability) for entry in looked_up for vulnerability in entry["vulns"]]
    if lines:
        return 1, "\n".join([*lines, "Next: make lock UPGRADE=--upgrade, then make check"])
    if not looked_up:
        return 4, f"audit: nobody could be asked, so nothing is known. {NEXT}"
    if skipped:
        return 4, f"audit: nothing is known about {', '.join(sorted(skipped))}. {NEXT}"
    return 0, f"audit: {len(looked_up)} locked dependencies looked up, none is known to be vulnerable"


def _line(dependency: Mapping[str, Any], vulnerability: Mapping[str, Any]) -> str:
    mended = ", ".join(vulnerability.get("fix_versions") or ()) or "no version yet"
    return f"audit: {dependency['name']} {dependency['version']}: {vulnerability['id']}, mended in {mended}"


def ask(arguments: Sequence[str]) -> Mapping[str, Any] | None:
    """What pip-audit says of the locks as they stand, without installing anything."""
    program = str(Path(sys.executable).parent / "pip-audit")
    options = ("--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json", "--timeout=10")
    done = subprocess.run([program, *options, *arguments], capture_output=True, encoding="utf-8", check=False)
    try:
        answer: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        return None
    return answer


if __name__ == "__main__":
    code, words = verdict(ask([part for lock in LOCKS for part in ("--requirement", lock)]))
    sys.stderr.write(words + "\n")
    sys.exit(code)
