"""Stand-ins of servers of Cosmos 3, on a port of this machine: vLLM-Omni's and NIM's. They are no model.

They refuse what the published requests do not have, and make real videos, NIM's in VP9. A prompt with BLOCKED is
refused by the guardrail; with LOST the request is taken and never answered; with SLOW it is worked on for ever; with
FAILS it ends in an error of the GPU; with WRONG the server refuses a value.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import av
import numpy as np

FORM = {"prompt", "negative_prompt", "size", "num_frames", "fps", "num_inference_steps", "guidance_scale", "flow_shift"}
FORM |= {"seed", "max_sequence_length", "input_reference", "generate_sound", "extra_params"}
HINTS = ("edge", "blur", "depth", "seg", "wsm")
EXTRA = {*HINTS, "control_guidance", "resolution", "num_video_frames_per_chunk", "max_frames"}
BODY = {"model_mode", "prompt", "negative_prompt", "input_reference", "seed", "guidance_scale", "num_inference_steps"}
BODY |= {"flow_shift", "resolution", "num_frames", "fps", "condition_frame_indexes_vision", "condition_video_keep"}
BODY |= {"transfer"}
TRANSFER = {*HINTS, "control_guidance", "num_video_frames_per_chunk", "num_conditional_frames"}
TRANSFER |= {"num_first_chunk_conditional_frames"}
PRESETS = {"edge": "preset_edge_threshold", "blur": "preset_blur_strength"}
SIZES = {"256_16_9": (320, 192), "480_16_9": (832, 480), "720_16_9": (1280, 720)}
BLOCKED = "Guardrail: the prompt is not safe"


def video(frames: int, width: int, height: int, fps: int, codec: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, "made.mp4")
        with av.open(str(path), "w") as made:
            stream: Any = made.add_stream(codec, rate=fps)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for number in range(frames):
                picture = np.full((height, width, 3), 60 + number % 100, dtype=np.uint8)
                made.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            made.mux(stream.encode(None))
        return path.read_bytes()


def wrong_body(body: dict[str, Any]) -> str:
    """What is wrong with a request to NIM, as its 422 says it."""
    if body.get("model_mode") not in ("text2video", "image2video", "video2video", "text2image"):
        return "model_mode: unable to extract tag using discriminator"
    transfer = body.get("transfer", {})
    unknown = [*(body.keys() - BODY), *(transfer.keys() - TRANSFER)]
    for name in HINTS:
        hint = transfer.get(name, {"video": "data:"})
        if set(hint) != {"video"} and set(hint) != {PRESETS.get(name)}:
            unknown.append(name)
        if not str(hint.get("video", "data:")).startswith("data:"):
            unknown.append(f"{name}.video")
    if unknown:
        return f"{', '.join(unknown)}: extra fields not permitted"
    ranges = {"guidance_scale": (1, 7), "num_inference_steps": (1, 100), "fps": (1, 60), "seed": (0, 2**63)}
    for name, (low, high) in ranges.items():
        if not low <= body[name] <= high:
            return f"{name}: out of range"
    if body["resolution"] not in SIZES or body["num_frames"] % 4 != 1 or not 25 <= body["num_frames"] <= 397:
        return "num_frames or resolution: out of range"
    if not str(body.get("input_reference", "data:")).startswith("data:"):
        return "input_reference: is no data URL"
    return ""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.posts: list[dict[str, Any]] = []
        self.made: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Exchange(BaseHTTPRequestHandler):
    server: Server
    facts: ClassVar[dict[str, object]] = {
        "/v1/models": {"data": [{"id": "nvidia/Cosmos3-Nano"}]},
        "/version": {"version": "0.21.0"},
        "/v1/health/ready": {"status": "ready"},
        "/v1/version": {"release": "2.1.0"},
        "/v1/metadata": {"modelInfo": [{"shortName": "cosmos3:nano"}]},
    }

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def answer(self, status: int, value: object) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        if self.path in self.facts:
            self.answer(200, self.facts[self.path])
            return
        name, _, what = self.path.removeprefix("/v1/videos/").partition("/")
        form = self.server.made.get(name)
        if form is None:
            self.answer(404, {"detail": "Not Found"})
        elif what == "content":
            width, height = (int(each) for each in form.get("size", "320x192").split("x"))
            self.answer(200, video(int(form.get("num_frames", 5)), width, height, int(form.get("fps", 24)), "libx264"))
        elif "FAILS" in form["prompt"]:
            self.answer(200, {"id": name, "status": "failed", "error": {"message": "CUDA out of memory"}})
        else:
            status = "in_progress" if "SLOW" in form["prompt"] else "completed"
            self.answer(200, {"id": name, "status": status, "progress": 50, "seconds": "1"})

    def do_DELETE(self) -> None:
        self.server.deleted.append(self.path.rpartition("/")[2])
        self.answer(200, {"deleted": True})

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        fields = json.loads(data) if self.path == "/v1/infer" else self._form(data)
        self.server.posts.append(fields)
        if "LOST" in fields["prompt"]:
            self.close_connection = True
        elif "BLOCKED" in fields["prompt"]:
            self.answer(422 if self.path == "/v1/infer" else 400, {"detail": BLOCKED})
        elif self.path == "/v1/infer":
            self._infer(fields)
        else:
            self._submit(fields)

    def _infer(self, body: dict[str, Any]) -> None:
        if wrong := wrong_body(body) or ("seed: wrong" if "WRONG" in body["prompt"] else ""):
            self.answer(422, {"detail": wrong})
            return
        made = video(body["num_frames"], *SIZES[body["resolution"]], body["fps"], "libvpx-vp9")
        self.answer(200, {"b64_video": base64.b64encode(made).decode(), "seed": body["seed"]})

    def _form(self, data: bytes) -> dict[str, Any]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        fields: dict[str, Any] = {}
        message: Any = BytesParser(policy=HTTP).parsebytes(head + data)
        for part in message.iter_parts():
            name, value = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
            fields[name] = value if part.get_filename() is not None else value.decode()
        return fields

    def _submit(self, form: dict[str, Any]) -> None:
        extra = json.loads(form.get("extra_params", "{}"))
        unknown = [*(form.keys() - FORM), *(extra.keys() - EXTRA)]
        hints = [extra[name] for name in HINTS if name in extra]
        unknown += [hint["control_path"] for hint in hints if not Path(hint["control_path"]).is_file()]
        if unknown or "WRONG" in form["prompt"]:
            self.answer(400, {"error": {"message": f"invalid request: {unknown}"}})
            return
        name = f"video_{len(self.server.posts)}"
        self.server.made[name] = form
        self.answer(200, {"id": name, "status": "queued", "progress": 0})
