from __future__ import annotations

import threading
import time

from backend.watch import Watch


def test_a_watch_adds_up_the_time_for_which_somebody_was_waited_for():
    acted = threading.Event()
    watch = Watch(60, acted.set)
    for _ in range(2):
        with watch.running():
            time.sleep(0.05)
    assert not acted.is_set() and 0 < watch.left <= 59.9
    watch.stop()


def test_a_watch_acts_when_it_was_waited_for_too_long():
    acted = threading.Event()
    watch = Watch(0.05, acted.set)
    with watch.running():
        assert acted.wait(5)
    assert watch.left <= 0


def test_a_watch_counts_no_time_in_which_nobody_is_waited_for():
    acted = threading.Event()
    watch = Watch(0.05, acted.set)
    time.sleep(0.2)
    assert not acted.is_set() and watch.left == 0.05
    watch.stop()


def test_a_watch_that_is_stopped_never_acts():
    acted = threading.Event()
    watch = Watch(0.05, acted.set)
    watch.stop()
    with watch.running():
        assert not acted.wait(0.2)
