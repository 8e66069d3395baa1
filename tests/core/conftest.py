"""`expect` of scene.py compares texts for the tests here; pytest shows where they differ."""

import pytest

pytest.register_assert_rewrite("tests.core.scene")
