"""Makes docs/page.jpg, the picture of the page: the sample project, really run, in Debian's chromium.

`python scripts/make_page_picture.py`; it takes a minute.
"""

import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

TARGET = Path(__file__).resolve().parent.parent / "docs" / "page.jpg"
COSMOS = [sys.executable, "-m", "cosmos"]
RUN = "city/edge-0.1_prompt-first-snow"
WIDTH, HEIGHT = 1280, 720
MOST_BYTES = 300_000
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "city"
        subprocess.run([*COSMOS, "init", "--demo", str(project)], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*COSMOS, "apply", "--yes"], cwd=project, check=True, stdout=subprocess.DEVNULL)
        words = [*COSMOS, "ui", "--port", "0"]
        with subprocess.Popen(words, cwd=project, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            found = re.search(r"http://\S+:\d+", server.stderr.readline())
            try:
                assert found
                shoot(found[0])
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(20)
    size = TARGET.stat().st_size
    print(f"{TARGET.name}: {size} bytes")
    return 0 if size < MOST_BYTES else 1


def shoot(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(f"{address}/runs?run={RUN}")
        page.wait_for_function("document.querySelector('.player')?.readyState >= 2")
        page.evaluate("const video = document.querySelector('.player'); video.controls = false; video.pause()")
        page.wait_for_timeout(500)
        page.screenshot(path=TARGET, type="jpeg", quality=82)
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
