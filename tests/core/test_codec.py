"""JSON that people read."""

import json

from hypothesis import given
from hypothesis import strategies as st

from cosmos.core.codec import indented
from cosmos.core.digest import plain
from tests.makers import a_run

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_it_is_what_json_writes(value: object) -> None:
    assert indented(value) == json.dumps(value, indent=2, sort_keys=True)


def test_a_run_is_its_fields() -> None:
    run = a_run("city")
    assert indented([run]) == json.dumps([run], indent=2, sort_keys=True, default=plain)
