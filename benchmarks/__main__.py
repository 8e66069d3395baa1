"""`python -m benchmarks [startup] [planning] [collecting]`: measure, and print one table."""

import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import collecting, planning, startup
from benchmarks.figure import table

GROUPS = {"startup": startup.figures, "planning": planning.figures, "collecting": collecting.figures}


def main(names: list[str]) -> int:
    if unknown := set(names) - GROUPS.keys():
        print(f"no group is called {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}", file=sys.stderr)
        return 64
    found = []
    for name in names or GROUPS:
        with tempfile.TemporaryDirectory(prefix=f"cosmos-{name}-") as folder:
            for figure in GROUPS[name](Path(folder)):
                print(f"{figure.work} ...", file=sys.stderr)
                found.append(figure)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}\n")
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
