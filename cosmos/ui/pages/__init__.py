"""The pages, in the order of the navigation. A new one: a module with a `PAGE`, a script of its name in `assets`."""

from collections.abc import Sequence

from cosmos.ui.frame import Page
from cosmos.ui.pages import activity, compare, inputs, overview, plan, prompts, queue, runs

PAGES: Sequence[Page] = (
    overview.PAGE,
    inputs.PAGE,
    prompts.PAGE,
    runs.PAGE,
    compare.PAGE,
    queue.PAGE,
    plan.PAGE,
    activity.PAGE,
)
