"""The page in a real browser, on a project whose runs were really made: each control once."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.projects import Project
from tests.repositories import git
from tests.ui.conftest import FLAGS

pytestmark = [pytest.mark.needs("browser", "git")]

PATIENCE_MS = 30_000
ONE, TWO = "city/seed-1", "city/seed-2"
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def first(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that keeps what it has loaded, for all tests."""
    with browser.new_context() as context:
        yield context


@pytest.fixture
def visit(browser: Browser, first: BrowserContext, address: str) -> Iterator[Visit]:
    """Open pages; with `new` as another user. No request may leave the machine, and no script may fail."""
    complaints: list[str] = []
    pages: list[Page] = []

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    def opened(path: str, *, width: int = 1280, theme: str = "dark", new: bool = False) -> Page:
        page = (browser.new_context() if new else first).new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 800})
        page.add_init_script(f"localStorage.setItem('cosmos-theme', '{theme}')")
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", said)
        page.on("dialog", lambda asked: asked.accept())
        page.on("pageerror", lambda error: complaints.append(str(error)))
        foreign = re.compile(rf"(?!{re.escape(address)}|data:|blob:)")
        page.on("request", lambda asked: complaints.append(asked.url) if foreign.match(asked.url) else None)
        page.goto(f"{address}{path}")
        page.wait_for_selector("[data-drawn]")
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []


def fits(page: Page) -> bool:
    """Whether nothing sticks out to the right."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_the_overview_says_where_all_stands(visit: Visit) -> None:
    page = visit("/")
    expect(page.locator(".counts")).to_contain_text(re.compile("2.*Succeeded.*1.*Failed"))
    expect(page.locator("section", has_text="Failed").first).to_contain_text("cosmos logs bad")
    page.get_by_role("link", name="2 Succeeded").click()
    expect(page.locator("article.card")).to_have_count(2)
    assert page.url.endswith("/runs?state=Succeeded")


def test_runs_are_filtered_sorted_and_chosen(visit: Visit) -> None:
    page = visit("/runs")
    cards = page.locator("article.card")
    expect(cards).to_have_count(3)
    page.get_by_label("Search", exact=True).fill("heavy rain")
    expect(cards).to_have_count(2)
    page.get_by_role("button", name="Clear").click()
    expect(cards).to_have_count(3)
    for name, value, left in (("state", "Failed", 1), ("model", "preview", 2), ("sweep", "city", 2), ("days", "1", 3)):
        page.locator(f"select[name={name}]").select_option(value)
        expect(cards).to_have_count(left)
        page.get_by_role("button", name="Clear").click()
        expect(cards).to_have_count(3)
    page.locator("select[name=sort]").select_option("-key")
    expect(cards.first).to_contain_text(TWO)
    page.get_by_role("button", name="Table").click()
    rows = page.locator("tr.row")
    expect(rows).to_have_count(3)
    rows.nth(0).get_by_role("checkbox").check()
    rows.nth(1).get_by_role("checkbox").check()
    expect(page.locator(".tray")).to_contain_text("2 runs chosen")
    page.reload()
    expect(rows.nth(1).get_by_role("checkbox")).to_be_checked()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("figure.cell")).to_have_count(3)


def test_a_run_is_seen_from_close_by(visit: Visit) -> None:
    page = visit(f"/runs?run={ONE}")
    close = page.locator("aside.close")
    expect(close).to_contain_text("Heavy rain <img src=x onerror=")
    page.wait_for_function("document.querySelector('.player').readyState >= 2")
    assert page.evaluate("document.querySelector('.player').videoHeight") > 0
    expect(close.locator("dl").first).to_contain_text("frames")
    expect(close).to_contain_text("specs/city.yaml")
    expect(close.locator(".ins video")).not_to_have_count(0)
    close.get_by_role("button", name="Provenance").click()
    expect(close.locator("pre", has_text='"digest_schema"')).to_be_visible()
    page.locator("body").press("j")
    expect(close.locator("h2")).to_have_text(TWO)
    page.locator("body").press("k")
    expect(close.locator("h2")).to_have_text(ONE)
    page.locator("body").press("Escape")
    expect(close).to_be_hidden()
    page.go_back()
    expect(close.locator("h2")).to_have_text(ONE)


def test_a_log_is_text_and_can_be_searched(visit: Visit) -> None:
    page = visit("/runs?run=bad")
    page.get_by_role("button", name="Read the log").click()
    log = page.get_by_label("Log", exact=True)
    expect(log).to_contain_text("<b>no such scene</b>")
    page.get_by_label("Search the log").fill("SCENE")
    expect(log.locator("mark")).to_have_text("scene")


def test_results_are_played_in_step(visit: Visit) -> None:
    page = visit(f"/compare?compare={ONE},{TWO},gone")
    expect(page.locator(".axis", has_text="seed")).to_have_count(2)
    expect(page.get_by_text("Not there: gone")).to_be_visible()
    expect(page.locator("table.diff tbody tr")).to_have_count(1)
    page.wait_for_function("[...document.querySelectorAll('.cmp video')].every(video => video.readyState >= 2)")
    page.get_by_role("button", name="One frame on").click()
    times = "[...document.querySelectorAll('.cmp video')].map(video => video.currentTime.toFixed(2))"
    page.wait_for_function(f"new Set({times}).size === 1 && {times}[0] === '0.04'")
    page.get_by_role("button", name="Loop").click()
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()  # again: it came to its end, and does not loop
    page.get_by_label("Time", exact=True).fill("500")
    page.get_by_role("button", name="A/B").click()
    page.get_by_label("Where left meets right").fill("25")
    assert "75%" in page.locator(".wipe video").nth(1).evaluate("video => video.style.clipPath")
    page.get_by_role("button", name="A/B").click()
    page.get_by_role("button", name=f"Leave out {TWO}").click()
    expect(page.locator("figure.cell")).to_have_count(2)


def test_scenes_are_looked_through_and_played_in_step(visit: Visit) -> None:
    page = visit("/inputs")
    cards, close = page.locator("article.card"), page.get_by_label("The open scene")
    expect(cards).to_have_count(1)
    expect(cards.first).to_contain_text("12 frames · 24 fps · 64x48")
    for name, value in (("has", "edge"), ("use", "unused"), ("state", "fine")):
        page.locator(f"select[name={name}]").select_option(value)
        expect(page.get_by_text("No scene fits")).to_be_visible()
        page.get_by_role("button", name="Clear", exact=True).click()
        expect(cards).to_have_count(1)
    page.locator("select[name=sort]").select_option("-date")
    page.get_by_label("Search", exact=True).fill("rain")
    cards.get_by_role("link", name="city").click()
    expect(close.locator("h2")).to_have_text("city")
    expect(close.locator("table")).to_contain_text("h264 yuv420p")
    expect(close).to_contain_text("12 frames: under 24 models make noisy videos")
    expect(close.get_by_role("link", name=ONE)).to_be_visible()
    page.wait_for_function("[...document.querySelectorAll('.films video')].filter(v => v.readyState >= 2).length === 3")
    close.get_by_role("button", name="One frame on").click()
    times = "[...document.querySelectorAll('.films video')].map(video => video.currentTime.toFixed(2))"
    page.wait_for_function(f"new Set({times}).size === 1 && {times}[0] === '0.04'")
    close.get_by_role("button", name="Play").click()
    page.wait_for_function(f"{times}[0] > 0.1")
    page.locator("body").press("Escape")
    expect(close).to_be_hidden()
    page.locator("body").press("j")
    expect(close).to_be_visible()
    close.get_by_role("link", name="New prompt from it").click()
    expect(page.locator(".code")).to_have_value("kind: Prompt\nname: city\ntext:\ninputs: inputs/city\n")


def test_a_prompt_is_written_changed_and_taken_away(visit: Visit, shown: Project) -> None:
    page = visit("/prompts?new=prompt&scene=city")
    code, review, dialog = (
        page.locator(".code"),
        page.get_by_role("button", name="Review and save"),
        page.get_by_role("dialog"),
    )
    expect(page.locator(".wrong")).to_contain_text("text must be text")
    page.get_by_label("Name", exact=True).fill("snow")
    page.get_by_label("Text", exact=True).fill("Snow <b>falls</b>: slowly")
    page.get_by_label("Labels", exact=True).fill("weather=cold")
    expect(code).to_have_value(
        'kind: Prompt\nname: snow\ntext: "Snow <b>falls</b>: slowly"\ninputs: inputs/city\nlabels: {weather: cold}\n'
    )
    code.press("Control+End")
    code.press_sequentially("negativ: people")
    expect(page.locator(".wrong")).to_contain_text(
        'line 6 prompt "snow": unknown field "negativ" - did you mean "negative"?'
    )
    expect(review).to_be_disabled()
    code.press("Home")
    code.press("Control+Delete")
    code.press_sequentially("negative")
    expect(page.get_by_label("Negative", exact=True)).to_have_value("people")
    expect(page.get_by_text("specs/prompts/snow.yaml")).to_be_visible()
    review.click()
    expect(dialog.get_by_label("What changes")).to_contain_text('+text: "Snow <b>falls</b>: slowly"')
    expect(dialog).to_contain_text("No run becomes another one.")
    expect(dialog).to_contain_text("1 needs attention")  # the plan
    dialog.get_by_label("Commit message").fill("Snow at last")
    dialog.get_by_role("button", name="Save and commit").click()
    expect(page.locator(".said")).to_contain_text("Add prompt snow: committed as")
    assert git(shown.root, "log", "-1", "--format=%s") == "Snow at last"

    close = page.get_by_label("The open prompt")
    expect(close.locator("h2")).to_have_text("snow")
    close.get_by_role("link", name="weather=cold").click()
    expect(page.locator("tr.row")).to_have_count(1)
    page.get_by_role("button", name="Clear", exact=True).click()
    for name, value in (("input", "city"), ("kind", "original"), ("use", "unused"), ("sort", "-rating")):
        page.locator(f"select[name={name}]").select_option(value)
    page.get_by_label("Search", exact=True).fill("SNOW")
    expect(page.locator("tr.row")).to_have_count(1)
    close.get_by_role("button", name="Copy").click()
    expect(code).to_have_value(re.compile("name: snow-2\n"))
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("link", name="snow", exact=True).click()
    close.get_by_role("button", name="Enhance").click()
    expect(dialog.get_by_label("What changes")).to_contain_text("+model: cosmos-transfer1-enhance")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    close.get_by_role("button", name="New run").click()
    expect(code).to_have_value("kind: Run\nname: snow\nprompt: snow\nmodel: preview\n")
    page.get_by_role("button", name="Discard").click()

    page.get_by_role("link", name="snow", exact=True).click()
    page.locator("body").press("e")
    page.get_by_label("Text", exact=True).fill("Sleet")
    expect(code).to_have_value(re.compile('text: "Sleet"'))
    file = shown.root / "specs" / "prompts" / "snow.yaml"
    file.write_text(f"# theirs\n{file.read_text()}")
    expect(page.get_by_text("has changed while you edit it")).to_be_visible()
    page.get_by_role("button", name="Keep mine").click()
    review.click()
    expect(dialog).to_contain_text("It can be saved, and not committed: specs/prompts/snow.yaml has changes")
    expect(dialog.get_by_role("button", name="Save and commit")).to_be_disabled()
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".said")).to_contain_text("saved specs/prompts/snow.yaml")
    assert file.read_text().startswith('# theirs\nkind: Prompt\nname: snow\ntext: "Sleet"\n')
    close.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_label("What changes")).to_contain_text("+++ /dev/null")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".said")).to_contain_text("Delete prompt snow")
    assert not file.exists()


def test_two_people_see_a_change_and_keep_what_they_look_at(visit: Visit, shown: Project) -> None:
    one, two = visit("/plan"), visit(f"/runs?run={ONE}&view=table", new=True)
    file = shown.root / "specs" / "city.yaml"
    before = file.read_text()
    file.write_text(before.replace("seed: [1, 2]", "seed: [1, 2, 3]"))
    expect(two.locator("tr.row", has_text="city/seed-3")).to_contain_text("Pending")
    expect(two.locator("aside.close h2")).to_have_text(ONE)
    one.locator("#look").click()
    one.get_by_label("Choose city/seed-3").first.check()
    one.get_by_role("button", name="Plan only 1 run").click()
    expect(one.get_by_role("button", name="Apply these")).to_be_visible()
    one.locator("#apply").click()
    expect(one.get_by_text("Applied", exact=False).first).to_be_visible()
    expect(two.locator("tr.row", has_text="city/seed-3")).to_contain_text("Succeeded")
    one.get_by_role("button", name="Plan all").click()
    expect(one.locator("#look")).to_have_text("Look again")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (400, "dark")])
def test_every_page_fits(visit: Visit, width: int, theme: str) -> None:
    page = visit("/", width=width, theme=theme)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    paths = (
        "/inputs?input=city",
        "/prompts?prompt=rain",
        "/prompts?prompt=rain&edit=1",
        "/plan",
        "/queue",
        "/activity",
    )
    for path in (*paths, f"/runs?run={ONE}", "/runs?view=table", f"/compare?compare={ONE},{TWO}"):
        assert fits(page), page.url
        page.goto(re.sub(r"(://[^/]+).*", r"\1", page.url) + path)
        page.wait_for_selector("[data-drawn]")
    assert fits(page)
    page.locator("#theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") != theme


def test_files_are_given_out_by_what_is_recorded(visit: Visit, address: str, shown: Project) -> None:
    shown.write("inputs/private.mp4", "no run reads it")
    page = visit(f"/runs?run={ONE}")
    video = page.locator(".player").get_attribute("src")
    assert video is not None
    part = page.request.get(f"{address}{video}", headers={"Range": "bytes=0-9"})
    assert (part.status, len(part.body()), part.headers["content-type"]) == (206, 10, "video/mp4")
    assert page.request.get(f"{address}/media/input/inputs/city/color.mp4").status == 200
    for path in (
        "/media/input/inputs/private.mp4",
        "/media/input/..%2f..%2fetc%2fpasswd",
        "/media/input/specs/city.yaml",
        f"{video.rpartition('/')[0]}/..%2f..%2fstate.db",
        "/page/..%2fserver.py",
        "/gradio_api/file=specs/city.yaml",
    ):
        assert page.request.get(f"{address}{path}").status in (400, 403, 404), path


def said(page: Page, words: str) -> None:
    """The page tells that something was done; then its message is put away."""
    expect(page.locator(".said")).to_contain_text(words)
    page.get_by_role("button", name="Dismiss").click()


def test_a_result_is_rated_and_its_run_acted_on(visit: Visit, shown: Project) -> None:
    page = visit(f"/runs?run={ONE}")
    close, body = page.locator("aside.close"), page.locator("body")
    expect(close.locator("h2")).to_have_text(ONE)
    close.get_by_label("commit").check()
    body.press("4")
    expect(close).to_contain_text(re.compile(f"Rate {ONE} 4: committed as [0-9a-f]{{8}}"))
    close.get_by_label("commit").uncheck()
    expect(close.get_by_label("Rate 4 of 5")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("article.card.open .rated")).to_have_text("★★★★☆")
    close.get_by_label("Note").fill("best puddles")
    close.get_by_label("Tags").fill("hero, wet")
    close.get_by_role("button", name="Save note and tags").click()
    expect(close.get_by_text(f"Annotate {ONE}")).to_be_visible()
    review = (shown.root / "specs" / "reviews" / "city" / "seed-1.yaml").read_text()
    assert all(words in review for words in ("rating: 4", "best puddles", "[hero, wet]"))
    body.press("0")
    expect(page.locator("article.card.open .rated")).to_have_text("")
    close.get_by_label("Rate 5 of 5").click()
    expect(page.locator("article.card.open .rated")).to_have_text("★★★★★")
    body.press("j")
    expect(close.locator("h2")).to_have_text(TWO)
    body.press("2")
    expect(page.locator("article.card.open .rated")).to_have_text("★★☆☆☆")
    for name, value in (("rating", "4+"), ("tag", "wet")):
        page.locator(f"select[name={name}]").select_option(value)
        expect(page.locator("article.card")).to_have_count(1)
        page.get_by_role("button", name="Clear", exact=True).first.click()

    page = visit("/compare?wins=city")
    expect(page.get_by_role("img", name="Mean rating by params.seed: 1 5.0 (1 rating), 2 2.0")).to_be_visible()
    page.get_by_label("Runs whose ratings count").select_option("*")
    expect(page.locator(".wins h2")).to_contain_text("2 of ")

    page = visit(f"/runs?run={ONE}")
    close = page.locator("aside.close")
    close.get_by_role("button", name="Upscale").click()
    page.get_by_label("Weight").fill("0.6")
    page.get_by_role("button", name="Show the new run").click()
    expect(page.locator("pre.diff")).to_contain_text("params: {weight: 0.6}")
    page.get_by_role("button", name="Save", exact=True).click()
    said(page, "Add run city-seed-1-4k")
    page = visit("/runs?run=city-seed-1-4k")
    close = page.locator("aside.close")
    close.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Save", exact=True).click()
    said(page, "Delete run city-seed-1-4k")
    assert not (shown.root / "specs" / "runs" / "city-seed-1-4k.yaml").exists()

    page = visit(f"/runs?run={ONE}")
    close = page.locator("aside.close")
    close.get_by_role("button", name="Run again").click()
    expect(page.locator("dialog")).to_contain_text("Plan: 1 to run")
    expect(page.locator("dialog")).to_contain_text("forced")
    page.get_by_role("button", name="Leave it").click()
    page = visit("/runs?run=bad")
    close = page.locator("aside.close")
    close.get_by_role("button", name="Retry").click()
    expect(page.locator("dialog")).to_contain_text("Failed → Pending")
    page.locator("dialog").get_by_role("button", name="Retry").click()
    said(page, "bad may be tried again")
    expect(close.locator(".state").first).to_have_text("Pending")


def test_the_queue_is_ordered_and_paused_and_all_is_told(visit: Visit, shown: Project) -> None:
    assert shown.cosmos("retry", "bad").returncode == 0
    shown.write("specs/later.yaml", "kind: Run\nname: later\nmodel: preview\nprompt: rain\npriority: 20  # not soon\n")
    assert shown.cosmos("plan").returncode == 0
    page = visit("/queue")
    rows, dialog = page.locator("tr.row"), page.locator("dialog")

    def agree(button: str, words: str) -> None:
        dialog.get_by_role("button", name=button, exact=True).click()
        said(page, words)

    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("later")
    rows.nth(1).get_by_role("button", name="To the front").click()
    expect(page.locator("pre.diff")).to_contain_text("+priority: 51  # not soon")
    agree("Save", "Set priority of run later")
    expect(rows.nth(0)).to_contain_text("later")
    page.get_by_label("Priority of later").fill("30")
    rows.nth(0).get_by_role("button", name="Set").click()
    expect(page.locator("pre.diff")).to_contain_text("+priority: 30")
    agree("Save", "Set priority of run later")
    expect(rows.nth(0)).to_contain_text("bad")
    rows.nth(1).get_by_role("button", name="Suspend").click()
    dialog.get_by_label("Why").fill("wrong <b>camera</b>")
    agree("Suspend", "Suspended: later")
    held = page.locator("section.pane", has_text="Held back")
    expect(held).to_contain_text("wrong <b>camera</b>")
    held.get_by_role("button", name="Resume").click()
    agree("Resume", "Resumed: later")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Pause all").click()
    agree("Suspend", "Suspended: project")
    expect(page.get_by_text("The project is suspended")).to_be_visible()
    page.get_by_role("button", name="Go on", exact=True).click()
    agree("Resume", "Resumed: project")
    page.get_by_role("button", name="Pause local").click()
    agree("Suspend", "Suspended: host local")
    page.get_by_role("button", name="Go on with local").click()
    agree("Resume", "Resumed: host local")
    rows.nth(0).get_by_role("checkbox").check()
    page.locator(".tray").get_by_role("button", name="Cancel").click()
    expect(dialog).to_contain_text("Pending → Cancelled")
    agree("Cancel", "Cancelled.")
    expect(rows).to_have_count(1)

    page = visit("/activity")
    events = page.locator("table.events tbody tr")
    page.get_by_label("Search events").fill("later suspended")
    expect(events).to_have_count(1)
    expect(events).to_contain_text("wrong <b>camera</b>")
    page.get_by_role("button", name="Clear", exact=True).click()
    page.locator("select[name=kind]").select_option("Warning")
    expect(events.first).to_contain_text("bad")
    page.get_by_role("button", name="Commits").click()
    expect(page.locator(".commit").last).to_contain_text("bad")
    page.get_by_role("button", name="Host checks").click()
    page.get_by_role("button", name="Check the hosts").click()
    expect(page.locator(".finding", has_text="connection")).to_contain_text("this machine")
