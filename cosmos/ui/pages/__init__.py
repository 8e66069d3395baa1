"""The pages, in the order of the navigation. A new one: a module with a `PAGE`, a script of its name in `assets`."""

from collections.abc import Sequence

from cosmos.ui.frame import Page
from cosmos.ui.pages import compare, inputs, overview, plan, prompts, runs

PAGES: Sequence[Page] = (overview.PAGE, inputs.PAGE, prompts.PAGE, runs.PAGE, compare.PAGE, plan.PAGE)
