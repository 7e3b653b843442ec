from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from backend import watch
from backend.watch import Watch


@dataclass
class Clock:
    now: float = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watch, "monotonic", lambda: clock.now)
    return clock


def test_a_watch_adds_up_the_time_for_which_somebody_was_waited_for_and_no_other(clock):
    watching = Watch(60, lambda: None)
    for left in (40, 20):
        with watching.running():
            clock.now += 20
            assert watching.left == left
        clock.now += 100
        assert watching.left == left
    watching.stop()


def test_a_watch_acts_when_it_was_waited_for_too_long():
    acted = threading.Event()
    watching = Watch(0.05, acted.set)
    with watching.running():
        assert acted.wait(5)
    assert watching.left <= 0


def test_a_watch_that_is_stopped_never_acts(clock):
    acted = threading.Event()
    watching = Watch(0.05, acted.set)
    watching.stop()
    with watching.running():
        clock.now += 1
        assert not acted.wait(0.2)
