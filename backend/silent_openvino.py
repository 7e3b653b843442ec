"""OpenVINO without its telemetry, which would report every start to its makers: nothing leaves the machine."""

from __future__ import annotations

import sys
from typing import Any


def import_openvino() -> Any:
    """The package `openvino`, made to believe that its telemetry is not installed, which it allows for."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino
