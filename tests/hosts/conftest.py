"""Assertions in the contracts explain themselves as those in test modules do."""

import pytest

pytest.register_assert_rewrite("tests.contracts.host_contract", "tests.contracts.process_contract")
