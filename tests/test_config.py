"""cosmos.toml: what is wrong in it is named by its key, with what to write, before anything is done."""

from pathlib import Path

import pytest

from cosmos.config import ConfigManager
from cosmos.errors import ConfigError
from cosmos.settings import read_listen
from cosmos.settings_host import HostSettings

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
        ('caches = {"/data" = "/srv"}', "caches", 'set `runtime = "docker"`'),
        (DOCKER + 'caches = {"/cosmos.secrets" = "/srv"}', "caches", "belongs to the container"),
        (DOCKER + 'caches = {"/d" = "/a"}\nmounts = {"/d" = "/b"}', "caches", "among the mounts, too"),
        ('secrets = {HF_TOKEN = "~/token"}', "secrets", "`~/token` is not absolute"),
        ('secrets = {token = "/token"}', "secrets", "`token` is no variable"),
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


@pytest.mark.parametrize(
    ("keys", "key", "words"),
    [
        ('listen = "9464"', "listen", "write 127.0.0.1:9464"),
        ('listen = ":9464"', "listen", "write 127.0.0.1:9464"),
        ('listen = "127.0.0.1"', "listen", "write 127.0.0.1:9464"),
        ('listen = "127.0.0.1:65536"', "listen", "write 127.0.0.1:9464"),
        ('listen = "::1:9464"', "listen", "write 127.0.0.1:9464"),
        ('listen = "[::1]"', "listen", "write 127.0.0.1:9464"),
        ('listen = "http://127.0.0.1:9464"', "listen", "write 127.0.0.1:9464"),
        ('listen = "a b:9464"', "listen", "write 127.0.0.1:9464"),
        ('hook_secret_file = "secret"', "hook_secret_file", "set `listen`"),
    ],
)
def test_a_daemon_that_cannot_be_as_configured_is_named(tmp_path: Path, keys: str, key: str, words: str) -> None:
    (tmp_path / "cosmos.toml").write_text(f"[daemon]\n{keys}\n")
    with pytest.raises(ConfigError) as caught:
        ConfigManager(tmp_path, environment={}).settings()
    assert caught.value.message.startswith(f"cosmos.toml: daemon.{key}: ")
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:9464", ("::1", 9464)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
    ],
)
def test_where_a_daemon_listens(tmp_path: Path, text: str, place: tuple[str, int]) -> None:
    (tmp_path / "cosmos.toml").write_text(f'[daemon]\nlisten = "{text}"\n')
    assert read_listen(ConfigManager(tmp_path, environment={}).settings().daemon.listen) == place


def test_the_secret_of_the_webhook_is_no_setting_and_has_no_place_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "cosmos.toml").write_text('[daemon]\nlisten = "127.0.0.1:1"\n')
    around = {"COSMOS_HOOK_SECRET": "from outside", "COSMOS_DAEMON__HOOK_SECRET_FILE": "secret"}
    settings = ConfigManager(tmp_path, environment=around).settings()
    assert settings.daemon.hook_secret_file == "secret"
    assert "from outside" not in repr(settings)
    (tmp_path / "cosmos.toml").write_text('[daemon]\nhook_secret = "in git"\n')
    with pytest.raises(ConfigError, match=r"daemon\.hook_secret: unknown key"):
        ConfigManager(tmp_path, environment={}).settings()
