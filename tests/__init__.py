"""Tests. `tests.makers` builds small core values; `tests/conftest.py` has the fixtures and the needs."""
