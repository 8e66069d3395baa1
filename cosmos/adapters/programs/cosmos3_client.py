"""Asks a resident server of Cosmos 3 for one video: `cosmos3_client.py PAYLOAD`.

It is written into a run directory and runs there, with Python and its standard library alone; nothing of cosmos is
imported. What it must not do: send a request a second time when the answer to the first was lost, for the server may
be at work on it. It writes down what the server calls the work before it asks how that goes, and a TERM cancels it.
The last line that it prints says how it ended; the words before the second colon are read by the adapter.
"""

from __future__ import annotations  # the Python of a host may be an older one

import base64
import http.client
import json
import mimetypes
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

CONNECT_S, ANSWER_S = 10.0, 60.0
PATIENCE_S = 300.0
"""How long a server that has taken the work may be out of reach, while only looks at it are lost."""
LOOK_S = 1.0
LONG_S = 7 * 86400.0
"""For an answer that is the video: the run's own timeout ends it sooner."""
GUARDRAIL = ("guardrail", "not safe", "unsafe", "safety", "blocklist")
MEDIA_MAX = 75_000_000
BUSY = (429, 502, 503, 504)


class EndedError(Exception):
    """Why there is no video: what the adapter reads, and words for people."""


class StoppedError(Exception):
    """TERM: the run was told to end."""


class Server:
    """One connection an exchange: a server that restarts is found again."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._place, self._prefix = parts.netloc, parts.path.rstrip("/")
        self.name = endpoint

    def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "", wait_s: float = ANSWER_S
    ) -> tuple[int, bytes]:
        """Status and body.

        Raises:
            ConnectionRefusedError: Nothing was sent.
            OSError: It was sent, perhaps in part, and no whole answer came.
        """
        connection = self._kind(self._place, timeout=CONNECT_S)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise ConnectionRefusedError(str(error)) from error
            connection.sock.settimeout(wait_s)
            connection.request(method, self._prefix + path, body or None, {"Content-Type": kind} if kind else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()

    def send(self, path: str, body: bytes, kind: str, wait_s: float) -> bytes:
        """The answer to a request that starts work. It is sent once."""
        try:
            status, answer = self.ask("POST", path, body, kind, wait_s)
        except ConnectionRefusedError as error:
            raise EndedError(f"server unavailable: {self.name} took no connection: {error}") from error
        except OSError as error:
            words = (
                f"answer lost: {self.name} was sent the request and did not answer ({error}); it may be at work on it"
            )
            raise EndedError(words) from error
        if status in (502, 504):  # from something between here and the server, which may have passed it on
            raise EndedError(f"answer lost: {self.name} answers {status}, and the server may be at work on it")
        refuse(status, answer)
        return answer

    def look(self, path: str) -> bytes:
        """The answer to a question that changes nothing, asked again while there is none."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                status, answer = self.ask("GET", path)
            except OSError as error:
                status, answer = 503, str(error).encode()
            if status == 404:
                raise EndedError(f"server unavailable: {self.name} does not know {path} any more: was it restarted?")
            if status not in BUSY or time.monotonic() > until:
                refuse(status, answer)
                return answer
            time.sleep(LOOK_S)


def refuse(status: int, answer: bytes) -> None:
    """Raise what a status that is not a success means."""
    if 200 <= status < 300:
        return
    text = " ".join(answer.decode("utf-8", "replace").split())[:600]
    if status in BUSY:
        raise EndedError(f"server unavailable: it answers {status}: {text}")
    failed(text, "request refused" if 400 <= status < 500 else "server failed", f"{status}: ")


def failed(text: str, what: str, prefix: str = "") -> None:
    is_guardrail = any(word in text.lower() for word in GUARDRAIL)
    raise EndedError(f"{'guardrail blocked' if is_guardrail else what}: {prefix}{text}")


def facts_of(server: Server, ready: str, more: list[str], serves: str | None) -> dict[str, object]:
    """What the server says about itself. It must be ready, and be the one that is meant."""
    facts: dict[str, object] = {}
    for path in (ready, *more):
        try:
            status, answer = server.ask("GET", path)
        except OSError as error:
            raise EndedError(f"server unavailable: {server.name}{path}: {error}") from error
        if path == ready and status != 200:
            raise EndedError(f"server unavailable: {server.name}{path} answers {status}")
        if status == 200:
            facts[path] = parsed(answer)
    if serves is not None and serves not in json.dumps(facts):
        known = json.dumps(facts)[:300]
        raise EndedError(f'request refused: {server.name} does not say "{serves}" about itself, but {known}')
    return facts


def parsed(answer: bytes) -> object:
    try:
        return json.loads(answer)
    except ValueError:
        return answer.decode("utf-8", "replace")[:1000]


def fields_of(answer: bytes) -> dict[str, object]:
    value = parsed(answer)
    if not isinstance(value, dict):
        raise EndedError(f"server failed: no JSON object: {answer[:200]!r}")
    return value


def multipart(fields: Mapping[str, str], files: Mapping[str, str]) -> tuple[bytes, str]:
    mark = secrets.token_hex(16)
    parts = []
    for name, value in fields.items():
        parts += [
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode(),
            value.encode(),
            b"\r\n",
        ]
    for name, path in files.items():
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{Path(path).name}"\r\n'
        parts += [f"{head}Content-Type: {kind}\r\n\r\n".encode(), Path(path).read_bytes(), b"\r\n"]
    return b"".join([*parts, f"--{mark}--\r\n".encode()]), f"multipart/form-data; boundary={mark}"


def write(path: Path, data: bytes) -> None:
    partial = path.with_name(f"{path.name}.part")
    partial.write_bytes(data)
    partial.replace(path)


def shared(value: object, folder: Path) -> object:
    """The value with each `{"file": PATH}` as the name of a copy that the server sees."""
    if isinstance(value, dict) and value.keys() == {"file"}:
        folder.mkdir(parents=True, exist_ok=True)
        return str(shutil.copyfile(value["file"], folder / Path(value["file"]).name))
    return {name: shared(each, folder) for name, each in value.items()} if isinstance(value, dict) else value


def inlined(value: object) -> object:
    """The value with each `{"file": PATH}` as a data URL."""
    if isinstance(value, dict) and value.keys() == {"file"}:
        if Path(value["file"]).stat().st_size > MEDIA_MAX:
            raise EndedError(
                f"request refused: {Path(value['file']).name} has more than the 75 MB that the server takes"
            )
        kind = mimetypes.guess_type(value["file"])[0] or "application/octet-stream"
        return f"data:{kind};base64,{base64.b64encode(Path(value['file']).read_bytes()).decode('ascii')}"
    return {name: inlined(each) for name, each in value.items()} if isinstance(value, dict) else value


def by_vllm(server: Server, payload: dict[str, object], out: Path, report: dict[str, object]) -> bytes:
    """Submit, look until it is done, fetch."""
    facts = facts_of(server, "/v1/models", ["/version"], payload["serves"])  # type: ignore[arg-type]
    report["server"] = facts
    form: dict[str, str] = dict(payload["form"])  # type: ignore[call-overload]
    folder = Path(str(payload["shared"] or out), out.name)
    job = ""
    try:
        if payload["extra"]:
            form[extra_name(server)] = json.dumps(shared(payload["extra"], folder))
        body, kind = multipart(form, payload["files"])  # type: ignore[arg-type]
        answer = fields_of(server.send("/v1/videos", body, kind, ANSWER_S))
        job = str(answer.get("id") or "")
        if not job:
            raise EndedError(f"server failed: it took the request and named no id: {json.dumps(answer)[:200]}")
        report["id"] = job
        write(out / "server.json", json.dumps(report).encode())
        print(f"cosmos: the server calls it {job}", flush=True)
        report["answer"] = wait_for(server, job)
        video = server.look(f"/v1/videos/{job}/content")
        job = ""
        return video
    finally:
        if payload["shared"]:
            shutil.rmtree(folder, ignore_errors=True)
        if job:
            cancel(server, job)


def extra_name(server: Server) -> str:
    """Newer servers call the field for all else `extra_args`, and refuse its older name."""
    try:
        status, answer = server.ask("GET", "/openapi.json")
    except OSError:
        return "extra_params"
    is_newer = status == 200 and b'"extra_args"' in answer and b'"extra_params"' not in answer
    return "extra_args" if is_newer else "extra_params"


def wait_for(server: Server, job: str) -> dict[str, object]:
    said = ""
    while True:
        answer = fields_of(server.look(f"/v1/videos/{job}"))
        status = str(answer.get("status"))
        now = f"{status} {answer.get('progress', 0)}%"
        if now != said:
            print(f"cosmos: {now}", flush=True)
            said = now
        if status == "completed":
            return answer
        if status in ("failed", "cancelled", "canceled", "error"):
            failed(json.dumps(answer.get("error") or answer)[:600], "server failed")
        time.sleep(LOOK_S)


def cancel(server: Server, job: str) -> None:
    try:
        status, _ = server.ask("DELETE", f"/v1/videos/{job}")
        print(f"cosmos: cancelled {job} on the server: {status}", flush=True)
    except OSError as error:
        print(f"cosmos: {job} could not be cancelled on the server: {error}", flush=True)


def by_nim(server: Server, payload: dict[str, object], report: dict[str, object]) -> bytes:
    """One request, whose answer is the video."""
    more = ["/v1/version", "/v1/metadata"]
    report["server"] = facts_of(server, "/v1/health/ready", more, payload["serves"])  # type: ignore[arg-type]
    body = json.dumps(inlined(payload["body"])).encode()
    print("cosmos: sent; the server answers when the video is made", flush=True)
    answer = fields_of(server.send("/v1/infer", body, "application/json", LONG_S))
    media = answer.pop("b64_video", None) or answer.pop("b64_image", None)
    if not isinstance(media, str):
        raise EndedError(f"server failed: its answer has no video: {', '.join(answer)}")
    report["answer"] = answer
    return base64.b64decode(media)


def stop(number: int, frame: FrameType | None) -> None:
    raise StoppedError


def main() -> int:
    signal.signal(signal.SIGTERM, stop)
    payload = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    out = Path(payload["out"])
    report: dict[str, object] = {"endpoint": payload["endpoint"], "api": payload["api"]}
    try:
        server = Server(payload["endpoint"])
        video = by_nim(server, payload, report) if payload["api"] == "nim" else by_vllm(server, payload, out, report)
        write(out / payload["output"], video)
        write(out / "server.json", json.dumps(report).encode())
    except EndedError as error:
        print(f"cosmos: {error}", flush=True)
        return 1
    except StoppedError:
        print("cosmos: told to end", flush=True)
        return 143
    return 0


if __name__ == "__main__":
    sys.exit(main())
