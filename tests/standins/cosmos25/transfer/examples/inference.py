"""Stand-in of `examples/inference.py` of cosmos-transfer2.5: no model. See `tests/standins/cosmos25`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[5]))
    from tests.standins.cosmos25.program import main

    main("transfer")
