"""What a program does on a host in memory: a value, from a table of the test's own or written into the argv."""

import json
import math
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cosmos.core.ports import BatchPlan

_NAME = "simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """It prints `log` when it begins; after `lasts_s` it leaves `files` (paths below outputs/) and ends with `code`.

    Of `steps` each leaves some of the files after so many seconds: they are there when it is ended before its time.
    """

    lasts_s: float = 0.0
    code: int = 0
    log: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    steps: tuple[tuple[float, Mapping[str, bytes]], ...] = ()


Behaviour = Callable[[BatchPlan, Mapping[str, bytes]], Program]
"""What the program of a batch does, given the bytes of its inputs by their names, as they are when it begins."""

ENDLESS = math.inf


def argv_of(program: Program) -> tuple[str, ...]:
    """An argv that `by_argv` reads."""
    files = {name: b64encode(zlib.compress(data)).decode() for name, data in program.files.items()}
    log = program.log.decode()
    return (_NAME, json.dumps({"lasts_s": program.lasts_s, "code": program.code, "log": log, "files": files}))


def by_argv(batch: BatchPlan, inputs: Mapping[str, bytes]) -> Program:
    """The behaviour of batches whose argv is from `argv_of`; any other program is not on this host."""
    del inputs
    if batch.argv[0] != _NAME:
        return Program(code=127, log=f"{batch.argv[0]}: command not found\n".encode())
    said = json.loads(batch.argv[1])
    files = {name: zlib.decompress(b64decode(data)) for name, data in said["files"].items()}
    return Program(lasts_s=said["lasts_s"], code=said["code"], log=said["log"].encode(), files=files)
