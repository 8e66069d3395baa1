"""A mark for tests that hold for SQLite and for a server alike."""

import pytest

POSTGRES = pytest.param("postgres", marks=pytest.mark.needs("postgres"))
ON_BOTH = pytest.mark.parametrize("kind", ["sqlite", POSTGRES])
ON_SERVER = pytest.mark.parametrize("kind", [POSTGRES])
