"""How long `import promotebot.registry, promotebot.artifact` takes, as a multiple of `import pydantic`.

Run it with the interpreter that has promotebot installed: `.venv/bin/python benchmarks/imports.py [ROUNDS]`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence

CASES = {
    "nothing": "pass",
    "pydantic": "import pydantic",
    "pydantic with one model": "from pydantic import BaseModel\nclass M(BaseModel):\n    x: int",
    "promotebot.registry": "import promotebot.registry",
    "promotebot.registry, promotebot.artifact": "import promotebot.registry, promotebot.artifact",
    "… and a registry read": "import promotebot.artifact\nfrom promotebot.registry import ModelRegistry\n"
    'ModelRegistry.parse(b\'{"schema_version": "v1", "models": {"m": {}}}\')',
}
"""What a child does between its two looks at the clock."""
UNIT, OURS = "pydantic", "promotebot.registry, promotebot.artifact"
LIMIT = 2.5
ROUNDS = 15
Times = Mapping[str, Sequence[float]]


def main() -> int:
    """Print a table; exit 0 when the ratio is below the limit, 1 when not."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    times = measure(CASES, rounds)
    measured = ratio(times)
    within = measured < LIMIT
    sys.stdout.write(table(times))
    sys.stdout.write(f"\n{OURS}: {measured:.2f} × {UNIT}; the limit is {LIMIT}: {'ok' if within else 'TOO SLOW'}\n")
    return 0 if within else 1


def measure(cases: Mapping[str, str], rounds: int) -> Times:
    """Seconds that each import took, in a fresh interpreter every time.

    The cases take turns, so that a machine that is busy for a while slows all of them. The first round fills the
    caches of the disk and of compiled modules; it does not count.
    """
    rows = [{name: seconds(code) for name, code in cases.items()} for _ in range(rounds + 1)]
    return {name: [row[name] for row in rows[1:]] for name in cases}


def seconds(code: str) -> float:
    program = f"from time import perf_counter as now\nstarted = now()\n{code}\nprint(now() - started)"
    return float(subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True).stdout)


def ratio(times: Times) -> float:
    """The median of ours by the median of pydantic's."""
    return statistics.median(times[OURS]) / statistics.median(times[UNIT])


def table(times: Times) -> str:
    unit = statistics.median(times[UNIT])
    width = max(map(len, times))
    lines = [f"{'import':{width}}  median ms  fastest ms  × {UNIT}"]
    for name, measured in times.items():
        median = statistics.median(measured)
        lines.append(f"{name:{width}}  {median * 1000:9.1f}  {min(measured) * 1000:10.1f}  {median / unit:10.2f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
