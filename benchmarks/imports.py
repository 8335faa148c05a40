"""How long `import promotebot.registry, promotebot.artifact` takes, as a multiple of `import pydantic`.

Run it with the interpreter that has promotebot installed: `.venv/bin/python benchmarks/imports.py [ROUNDS]`.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from rounds import judge

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


def main() -> int:
    """Print a table; exit 0 when the ratio is below the limit, 1 when not."""
    cases = {name: partial(seconds, code) for name, code in CASES.items()}
    return judge(cases, ours=OURS, unit=UNIT, limit=LIMIT)


def seconds(code: str) -> float:
    """What an import takes in a fresh interpreter, the interpreter's own start left out."""
    program = f"from time import perf_counter as now\nstarted = now()\n{code}\nprint(now() - started)"
    return float(subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True).stdout)


if __name__ == "__main__":
    sys.exit(main())
