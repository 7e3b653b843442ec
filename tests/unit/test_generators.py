from __future__ import annotations

import os

from tests.generators import face_frames, write_video


def test_encoding_leaves_this_thread_as_urgent_as_it_was(tmp_path):
    write_video(tmp_path / "a.mp4", face_frames(4), codec="libsvtav1")
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
