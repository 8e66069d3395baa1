"""`python -m benchmarks [GROUP...]`: measure, and print one table. GROUPS has their names."""

import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import collecting, groups, idling, latency, page, planning, startup, transfers
from benchmarks.figure import table

GROUPS = {
    "startup": startup.figures,
    "planning": planning.figures,
    "collecting": collecting.figures,
    "transfers": transfers.figures,
    "latency": latency.figures,
    "groups": groups.figures,
    "idling": idling.figures,
    "page": page.figures,
}


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
    load = "load " + " ".join(f"{load:.1f}" for load in os.getloadavg())
    system = f"{platform.system()} {platform.release()}"
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {system}, {load}\n")
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
