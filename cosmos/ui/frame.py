"""How a page is made of one island: a part of the document that a script draws from JSON.

A page's `answer` gives the JSON for what the address asks for (`?model=preview&page=2`), and that is all the state
there is: nothing is kept of a user here. `acts` are what its buttons do; an event carries names, never a row's number.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.components.navbar import Navbar

from cosmos.errors import CosmosError
from cosmos.ui.desk import Desk

logger = logging.getLogger(__name__)

Asked = Mapping[str, str]
"""The query of the page's address."""
Shown = dict[str, Any]
"""JSON for the page's script."""
Act = Callable[[Desk, Asked], Shown]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page. `name` is that of its script in `assets`, `path` where it is."""

    name: str
    path: str
    title: str
    answer: Act
    acts: Mapping[str, Act] = field(default_factory=dict)


_START = """const begin = () => window.cosmos && window.cosmos.pages[%(name)r]
  ? window.cosmos.begin(%(name)r, element, props, trigger, watch) : setTimeout(begin, 15);
begin();"""

_HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "multiple"}


def document(desk: Desk, pages: Sequence[Page]) -> gr.Blocks:
    """All pages, as Gradio has them."""
    blocks = gr.Blocks(title="cosmos", analytics_enabled=False, fill_width=True)
    with blocks:
        first, *others = pages
        _build(desk, blocks, first)
    for page in others:
        with blocks.route(page.title, page.path):
            _build(desk, blocks, page)
    return blocks


def _build(desk: Desk, blocks: gr.Blocks, page: Page) -> None:
    Navbar(visible=False)
    island = gr.HTML(
        {},
        html_template='<div class="cosmos"></div>',
        js_on_load=_START % {"name": page.name},
        apply_default_css=False,
        elem_id=f"page-{page.name}",
    )

    def load(request: gr.Request) -> Shown:
        return answer(desk, page, dict(request.query_params))

    def asked(event: gr.EventData) -> Shown:
        return answer(desk, page, _words(event, "query"), str(getattr(event, "turn", "")))

    def acted(event: gr.EventData) -> Shown:
        return act(desk, page, str(getattr(event, "act", "")), _words(event, "given"))

    blocks.load(load, None, island, **_HIDDEN)
    island.apply(asked, None, island, **_HIDDEN)
    island.submit(acted, None, island, **_HIDDEN)


def _words(event: gr.EventData, name: str) -> dict[str, str]:
    found = getattr(event, name, {})
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def answer(desk: Desk, page: Page, query: Asked, turn: str = "") -> Shown:
    """What the page shows for a query, or why it cannot. `turn` tells the script which of its questions it asked."""
    return {"turn": turn, "query": dict(query), **_careful(lambda: {"data": page.answer(desk, query)})}


def act(desk: Desk, page: Page, name: str, given: Asked) -> Shown:
    """What a button did, or why it did not."""
    if name not in page.acts:
        return {"act": name, "error": f"{page.title} has no act {name!a}", "hint": "load the page again"}
    logger.info("%s: %s", page.name, name)
    return {"act": name, **_careful(lambda: {"done": page.acts[name](desk, given)})}


def _careful(ask: Callable[[], Shown]) -> Shown:
    try:
        return ask()
    except CosmosError as error:
        return {"error": error.message, "hint": error.hint}
