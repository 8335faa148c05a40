"""`python -m promotebot`: the same program as `promotebot`."""

from __future__ import annotations

import sys

from promotebot.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
