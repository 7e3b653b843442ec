"""OpenVINO without its telemetry, which would report every start to its makers: nothing leaves the machine."""

from __future__ import annotations

import sys
import threading
from typing import Any

_one_at_a_time = threading.Lock()


def import_openvino() -> Any:
    """The package `openvino`, made to believe that its telemetry is not installed, which it allows for.

    Two threads that want a tensor's type at the same time, while none has yet, would wait for each other for ever:
    its table of types is a static variable, made while Python may change threads. So it is made here.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    with _one_at_a_time:
        openvino.Type.u8.to_dtype()
    return openvino
