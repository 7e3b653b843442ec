"""How long others may let the service wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

NEARLY_OVER = 0.01  # seconds: so seldom a watch that has less than that left looks whether it runs


class Watch:
    """Counts the seconds for which somebody is waited for, and acts when these are more than allowed.

    It has one thread, which is not woken when waiting begins and ends: both happen for every message.
    """

    def __init__(self, seconds: float, act: Callable[[], object]) -> None:
        self._counted: tuple[float, float | None] = (seconds, None)  # left, and since when it runs
        self._act = act
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    @property
    def left(self) -> float:
        """Seconds that are left; none once it has acted."""
        left, since = self._counted
        return left if since is None else left - (monotonic() - since)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time inside the block."""
        self._counted = self.left, monotonic()
        try:
            yield
        finally:
            self._counted = self.left, None

    def stop(self) -> None:
        """Count no more, and never act."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(max(NEARLY_OVER, self.left)):
            if self.left <= 0:
                self._act()
                return
