"""cosmos.toml: what is wrong in it is named by its key, with what to write, before anything is done."""

from pathlib import Path

import pytest

from cosmos.config import ConfigManager
from cosmos.errors import ConfigError
from cosmos.settings import HostSettings

FAR = 'address = "box"\n'
DOCKER = 'runtime = "docker"\n'


def read(folder: Path, keys: str) -> HostSettings:
    (folder / "cosmos.toml").write_text(f"[hosts.gpu]\n{keys}")
    return ConfigManager(folder, environment={}).settings().hosts["gpu"]


@pytest.mark.parametrize(
    ("keys", "key", "words"),
    [
        ('mounts = {"/data" = "/srv"}', "mounts", 'set `runtime = "docker"`'),
        ("sudo = true", "sudo", 'set `runtime = "docker"`'),
        ('user = "me"', "user", "set `address`"),
        ('key = "~/.ssh/id"', "key", "set `address`"),
        (f'host_key = "SHA256:{"A" * 43}"', "host_key", "set `address`"),
        ('jump = "me@door"', "jump", "set `address`"),
        ("port = 2222", "port", "set `address`"),
        (DOCKER + 'python = "python3"', "python", "image"),
        ("gpus = []", "gpus", "empty list"),
        (FAR + 'workdir = "cosmos"', "workdir", "begin it with / or ~/"),
        (FAR + 'workdir = "~other/cosmos"', "workdir", "begin it with / or ~/"),
        (FAR + 'host_key = "SHA256:abc"', "host_key", "ssh-keygen -lf"),
        (FAR + f'host_key = "MD5:{"A" * 43}"', "host_key", "ssh-keygen -lf"),
        (FAR + 'jump = "me@"', "jump", "user@address:port"),
        (FAR + 'jump = "me@door:70000"', "jump", "user@address:port"),
        (FAR + 'jump = "fe80::1"', "jump", "user@address:port"),
        (DOCKER + 'mounts = {"data" = "/srv"}', "mounts", "`data` is not absolute"),
        (DOCKER + 'mounts = {"/data" = "~/srv"}', "mounts", "`~/srv` is not absolute"),
        *(
            (DOCKER + f'mounts = {{"{target}" = "/srv"}}', "mounts", "belongs to the container")
            for target in (
                "/",
                "//",
                "/cosmos",
                "/cosmos/x",
                "/x/../cosmos/",
                "/cosmos.gpus/0",
                "/proc",
                "/sys",
                "//dev/shm",
            )
        ),
    ],
)
def test_a_key_that_cannot_work_is_named_with_what_to_do(tmp_path: Path, keys: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, keys)
    assert caught.value.message.startswith(f"cosmos.toml: hosts.gpu.{key}: ")
    assert words in caught.value.message


def test_all_wrong_keys_of_a_host_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, 'user = "me"\nport = 2222\nsudo = true\n')
    assert [line.split(": ")[1] for line in caught.value.message.splitlines()] == [
        f"hosts.gpu.{key}" for key in ("user", "port", "sudo")
    ]


def test_what_fits_together_is_read_as_it_is_written(tmp_path: Path) -> None:
    host = read(
        tmp_path,
        FAR + DOCKER + f'port = 2222\nuser = "me"\nhost_key = "SHA256:{"a+/9" * 10}abc="\njump = "[fe80::1]:2222"\n'
        'workdir = "~/work"\nsudo = true\ngpus = ["0"]\nmounts = {"/cosmos-data" = "/srv", "/data" = "/dev/shm"}\n',
    )
    assert host.mounts == {"/cosmos-data": "/srv", "/data": "/dev/shm"}
    assert read(tmp_path, 'workdir = "work"\npython = "python3"\n').workdir == "work"
