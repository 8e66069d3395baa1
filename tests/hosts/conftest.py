"""What tests of hosts share. Assertions in the contracts explain themselves as those in test modules do."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.contracts.host_contract", "tests.contracts.process_contract")


@pytest.fixture(scope="session")
def bare_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """All programs but those that a host need not have."""
    folder = tmp_path_factory.mktemp("bin")
    for program in Path("/usr/bin").iterdir():
        if not program.name.startswith(("python", "openssl")):
            (folder / program.name).symlink_to(program)
    return str(folder)
