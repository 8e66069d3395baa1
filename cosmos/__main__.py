"""`python -m cosmos` is the command `cosmos`."""

import sys

from cosmos.cli.main import main

sys.exit(main())
