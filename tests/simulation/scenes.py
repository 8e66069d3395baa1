"""What the specs ask for in a simulated world: a few small runs, their versions, and the bytes they must end as."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from cosmos.adapters.base import Launch, OutputPlace, Shared
from cosmos.adapters.command import CommandAdapter
from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import Digest, digest_of, material, member_folder, sha256_hex
from cosmos.core.plan import Blob
from cosmos.core.ports import BatchPlan
from cosmos.core.run import Model, OutputFile, ParamType, Placement, Run, Source
from cosmos.hosts.memory.program import Program
from tests.makers import a_run

OUTPUT = "out.bin"
INPUTS = {"x": b"the input x", "y": b"the input y"}
"""Input files by role."""
IMAGE = "registry.test/render@sha256:1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A run as a schedule wants it. `salt` stands for everything that a person edits."""

    key: str
    salt: int = 0
    lasts: int = 3
    code: int = 0
    reads: tuple[str, ...] = ("x",)
    source: str = ""
    gpus: int = 0
    suspend: bool = False
    retry_limit: int = 2
    host: str = "any"
    shares: bool = False
    """It may share a load of its model with others that do."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Desired runs, and by digest the bytes of their output; None for a program that fails."""

    desired: Desired
    expected: Mapping[Digest, bytes | None]


def write_inputs(root: Path) -> None:
    for role, data in INPUTS.items():
        (root / role).write_bytes(data)


@cache
def model(reads: tuple[str, ...], *, image: bool) -> Model:
    places = tuple(f"{{inputs.{role}}}" for role in reads)
    return Model(
        name="render",
        adapter="command",
        image=IMAGE if image else None,
        command=("render", "{params.salt}", "{params.lasts}", "{params.code}", *places, "{outputs.out}"),
        outputs={"out": OUTPUT},
        inputs=dict.fromkeys(reads, True),
        params={name: ParamType(type="int", default=0) for name in ("salt", "lasts", "code")},
    )


def render(batch: BatchPlan, inputs: Mapping[str, bytes]) -> Program:
    """The one program of this world: its output follows from its settings and from what it reads."""
    if batch.argv[0] == TOGETHER:
        return _render_each(json.loads(batch.argv[1]), inputs)
    _, salt, lasts, code, *_ = batch.argv
    (folder,) = batch.folders
    files = {} if code != "0" else {f"{folder}/{OUTPUT}": rendered(int(salt), inputs.values())}
    return Program(lasts_s=float(lasts), code=int(code), log=f"salt {salt}\n".encode(), files=files)


TOGETHER = "render-each"
LOAD_S = 1.0


class RenderAdapter(CommandAdapter):
    """The same program, which does several runs with one load: in folders that it counts, and ends where one fails."""

    def launch_together(self, members: Mapping[str, Run]) -> Shared:
        each, inputs, places = [], {}, {}
        for count, (folder, run) in enumerate(members.items()):
            launch = self.launch(run, folder)
            own = {f"{folder}/{name}": (folder, role) for name, role in launch.inputs.items()}
            each.append([f"part-{count}", *(run.params[name] for name in ("salt", "lasts", "code")), list(own)])
            inputs.update(own)
            places[folder] = OutputPlace(folder=f"part-{count}", names={OUTPUT: PART})
        return Shared(launch=Launch(argv=(TOGETHER, json.dumps(each))), inputs=inputs, places=places)


PART = "made.bin"
"""How an output is called where several are made."""


def _render_each(each: list[list[Any]], inputs: Mapping[str, bytes]) -> Program:
    at, failed, steps = LOAD_S, 0, list[tuple[float, Mapping[str, bytes]]]()
    for folder, salt, lasts, code, names in each:
        at += lasts
        if code:
            failed = code
            break
        steps.append((at, {f"{folder}/{PART}": rendered(salt, [inputs[name] for name in names])}))
    files = {name: data for _, made in steps for name, data in made.items()}
    return Program(lasts_s=at, code=failed, log=b"render each\n", files=files, steps=tuple(steps))


def rendered(salt: int, inputs: Iterable[bytes]) -> bytes:
    return b"out " + sha256_hex(repr((salt, sorted(inputs))).encode()).encode()


@cache
def scene(shapes: tuple[Shape, ...], *, containers: bool) -> Scene:
    """Sources come before the runs that read them."""
    wants: dict[str, DesiredRun] = {}
    outputs: dict[str, bytes | None] = {}
    expected: dict[Digest, bytes | None] = {}
    for shape in shapes:
        run = _run(shape, containers=containers)
        source = wants[shape.source].digest if shape.source else None
        blobs = {role: _blob(role) for role in run.inputs}
        made_of = material(run, {role: blob.sha256 for role, blob in blobs.items()}, source)
        want = DesiredRun(
            run=run,
            digest=digest_of(made_of),
            material=made_of,
            blobs=blobs,
            source_digest=source,
            group=f"render on {shape.gpus}" if shape.shares else "",
        )
        wants[shape.key] = want
        read = [INPUTS[role] for role in shape.reads]
        made = outputs.get(shape.source)
        data = rendered(shape.salt, read + ([made] if made is not None else []))
        outputs[shape.key] = expected[want.digest] = None if shape.code else data
    return Scene(Desired(runs=tuple(wants[key] for key in sorted(wants))), expected)


def _blob(role: str) -> Blob:
    data = INPUTS[role]
    return Blob(sha256=hashlib.sha256(data).hexdigest(), size=len(data), path=role)


def _run(shape: Shape, *, containers: bool) -> Run:
    roles = (*shape.reads, *(("made",) if shape.source else ()))
    run = a_run(
        shape.key,
        model=model(roles, image=containers),
        inputs={role: role for role in shape.reads},
        params={"salt": shape.salt, "lasts": shape.lasts, "code": shape.code},
        outputs={"out": OutputFile(path=OUTPUT, video=False)},
        source=Source(key=shape.source, output="out", role="made", file=OUTPUT) if shape.source else None,
        placement=Placement(gpus=shape.gpus, host=shape.host),
        suspend=shape.suspend,
        retry_limit=shape.retry_limit,
        prompt=None,
        text="",
    )
    return replace(run, controls={})


def output_of(digest: Digest) -> str:
    """Name of the output of a digest below outputs/ of its run directory."""
    return f"{member_folder(digest)}/{OUTPUT}"
