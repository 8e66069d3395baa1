"""The one apply that a server may have under way."""

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace

from cosmos.api import CosmosAPI
from cosmos.errors import BusyError, CosmosError, StaleError
from cosmos.outcome import Outcome, PlanView, Progress

logger = logging.getLogger(__name__)

PLANS_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """An apply of this server: `progress` of its newest pass, then its `outcome` or the `error` that ended it."""

    began_at: float
    keys: frozenset[str]
    progress: Progress | None = None
    outcome: Outcome | None = None
    error: str = ""

    @property
    def is_over(self) -> bool:
        return self.outcome is not None or bool(self.error)


class Applying:
    """Applies the plans that were shown, one at a time, in a thread.

    Args:
        cosmos: The project.
    """

    def __init__(self, cosmos: CosmosAPI) -> None:
        self._cosmos = cosmos
        self._plans: OrderedDict[str, PlanView] = OrderedDict()
        self._lock = threading.Lock()
        self._planning = threading.Lock()
        self._at_work: CosmosAPI | None = None
        self.going: Going | None = None
        self.version = 0

    def plan(self, targets: tuple[str, ...], *, rerun: bool = False) -> tuple[str, PlanView]:
        """Look and decide; returns the plan and the name under which it can be applied."""
        with self._planning:
            view = self._cosmos.plan(targets, rerun=rerun)
        made_of = f"{view.text}\0{view.desired.fingerprint}\0{targets}\0{rerun}"
        name = hashlib.sha256(made_of.encode()).hexdigest()[:16]
        with self._lock:
            self._plans[name] = view
            while len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)
        return name, view

    def begin(self, name: str) -> None:
        """Apply a plan that was shown.

        Raises:
            StaleError: It was shown too long ago to be known.
            BusyError: This server applies one already.
        """
        with self._lock:
            if self.going is not None and not self.going.is_over:
                raise BusyError("an apply of this page is under way", "wait for it, or leave it: what runs goes on")
            view = self._plans.get(name)
            if view is None:
                raise StaleError("this plan is not known any more", "look again, and apply the new one")
            self._at_work = CosmosAPI(settings=self._cosmos.settings)
            self._tell(Going(began_at=time.time(), keys=view.selected))
        threading.Thread(target=self._apply, args=(self._at_work, view), daemon=True, name="apply").start()

    def leave(self) -> None:
        """Follow the apply no more. What runs on hosts goes on, and is collected by the next one."""
        with self._lock:
            if self._at_work is not None and self.going is not None and not self.going.is_over:
                self._at_work.detach()

    def _apply(self, cosmos: CosmosAPI, view: PlanView) -> None:
        try:
            with cosmos:
                outcome = cosmos.apply(view, listener=lambda progress: self._update(progress=progress))
            self._update(outcome=outcome)
        except CosmosError as error:
            self._update(error=str(error))
        finally:
            if self.going is not None and not self.going.is_over:  # a fault of ours, on its way to the log
                self._update(error="the apply ended by a fault of cosmos: see its log")

    def _update(self, *, progress: Progress | None = None, outcome: Outcome | None = None, error: str = "") -> None:
        with self._lock:
            if self.going is not None:
                seen = progress or self.going.progress
                self._tell(replace(self.going, progress=seen, outcome=outcome, error=error))

    def _tell(self, going: Going) -> None:
        self.going = going
        self.version += 1
