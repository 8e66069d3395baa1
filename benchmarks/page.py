"""The page over ten thousand runs, as a browser sees it: first page, filter, and what an open tab costs the server."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.figure import Figure
from benchmarks.finished import finish_all
from benchmarks.idling import cpu_s
from benchmarks.measure import COSMOS
from benchmarks.projects import make_sweeps

RUNS = 10_000
TIMES = 5
MEASURED_S = 30.0
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WORDS = "first page of 10,000 runs, {}"


def figures(folder: Path) -> Iterator[Figure]:
    project = make_sweeps(folder / "page", RUNS)
    finish_all(project)
    subprocess.run([*COSMOS, "plan"], cwd=project, check=True, capture_output=True)
    with (
        subprocess.Popen([*COSMOS, "ui", "--port", "0"], cwd=project, stderr=subprocess.PIPE, text=True) as server,
        sync_playwright() as playwright,
    ):
        try:
            assert server.stderr is not None
            found = re.search(r"http://\S+:\d+", server.stderr.readline())
            assert found
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            yield from _seen(browser, found[0])
            yield _idle(browser, found[0], server.pid)
            browser.close()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)


def _seen(browser: Browser, address: str) -> Iterator[Figure]:
    first = _visit(browser.new_page(), address)
    yield Figure(work=WORDS.format("of a server that just began"), value=first, unit="s", budget=None)
    times = [_visit(browser.new_context().new_page(), address) for _ in range(TIMES)]
    yield Figure(work=WORDS.format("a new browser"), value=median(times), unit="s", budget=1.5)
    page = browser.new_page()
    _visit(page, address)
    filtered = [_filter(page, f"sweep-{number}") for number in range(TIMES)]
    yield Figure(work="filter 10,000 runs, until drawn", value=median(filtered), unit="s", budget=0.5)


def _visit(page: Page, address: str) -> float:
    began = time.monotonic()
    page.goto(f"{address}/runs")
    page.wait_for_selector("article.card")
    return time.monotonic() - began


def _filter(page: Page, sweep: str) -> float:
    began = time.monotonic()
    page.locator("select[name=sweep]").select_option(sweep)
    page.wait_for_function(f"document.querySelector('article.card').dataset.key.startsWith('{sweep}/')")
    return time.monotonic() - began


def _idle(browser: Browser, address: str, pid: int) -> Figure:
    _visit(browser.new_page(), address)
    time.sleep(3.0)
    before, began = cpu_s(pid), time.monotonic()
    time.sleep(MEASURED_S)
    share = (cpu_s(pid) - before) / (time.monotonic() - began)
    return Figure(work="an idle page of 10,000 runs, of the server's core", value=share * 100, unit="%", budget=2.0)
