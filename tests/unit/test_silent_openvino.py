from __future__ import annotations

import subprocess
import sys

import pytest

from backend.config import ROOT

PROGRAM = """
import sys, threading
from backend.silent_openvino import import_openvino

sys.setswitchinterval(1e-6)
together = threading.Barrier(8)

def ask():
    together.wait()
    import_openvino().Type.u8.to_dtype()

threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.mark.parametrize("_", range(4))  # without the lock, not every run would hang
def test_threads_that_use_it_at_once_do_not_wait_for_each_other(_):
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
