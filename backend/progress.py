"""How far the work on one file is, and whether anybody still wants it."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Literal

from backend.errors import Cancelled

State = Literal["waiting", "examining", "drawing", "done", "failed", "cancelled"]


class Progress:
    """Told by the threads that work on a file, asked and cancelled by others.

    `files` are the names of the frames that are or will be stored for it, `expires_at` when they are purged.
    """

    def __init__(self) -> None:
        self.instants_examined = 0
        self.instants_expected: int | None = None
        self.files: tuple[str, ...] = ()
        self.expires_at: datetime | None = None
        self._state: State = "waiting"
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """What is being done, or what came of it."""
        return self._state

    @property
    def has_ended(self) -> bool:
        """Whether its result is known, or will be none."""
        return self._state in ("done", "failed", "cancelled")

    def enter(self, state: State) -> None:
        """Go on to the next state.

        Raises:
            Cancelled: nobody wants that any more.
        """
        with self._lock:
            self.check()
            self._state = state

    def check(self) -> None:
        """Raise Cancelled if it was."""
        if self._state == "cancelled":
            raise Cancelled("The analysis was cancelled.")

    def cancel(self) -> None:
        """Let the work be given up at the next check, unless it has ended."""
        with self._lock:
            if not self.has_ended:
                self._state = "cancelled"

    def fail(self) -> None:
        """It ended without a result; what was cancelled stays so."""
        with self._lock:
            if not self.has_ended:
                self._state = "failed"

    def count_instant(self) -> None:
        """One more instant was examined."""
        with self._lock:
            self.instants_examined += 1
