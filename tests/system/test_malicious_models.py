"""Model files that want more than to be read: none of their code runs, none of their links is followed."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest

from backend.model.keras_classifier import KerasClassifier
from tests.server import running_server, wait_until
from tests.system.test_foreign_models import keras, saved

pytestmark = pytest.mark.filterwarnings("ignore")


def with_lambda(path: Path, marker: Path) -> Path:
    """A Lambda layer whose code, stored in the file, would make the marker."""
    code = keras.layers.Lambda(lambda x, path=str(marker): (Path(path).touch(), x)[1])
    saved(path, 1, "sigmoid", last=code)
    marker.unlink(missing_ok=True)
    return path


def activate_by_another_function(layer: dict, marker: Path) -> None:
    layer["config"]["activation"] = {
        "module": "os",
        "class_name": "function",
        "config": "mkdir",
        "registered_name": "mkdir",
    }


def be_another_class(layer: dict, marker: Path) -> None:
    layer |= {
        "module": "subprocess",
        "class_name": "Popen",
        "config": {"args": ["touch", str(marker)]},
        "registered_name": None,
    }


def test_a_service_given_a_model_with_code_stays_up_and_does_not_run_it(tmp_path):
    marker = tmp_path / "ran"
    path = with_lambda(tmp_path / "model.h5", marker)
    settings = {"DETECTOR_MODEL_PATH": str(path), "DETECTOR_CACHE_FOLDER": str(tmp_path / "cache")}
    with running_server(tmp_path, **settings) as server:
        wait_until(lambda: "model not ready" in server.log, 90)
        response = server.get("/readyz")
        assert response.status_code == 503 and "cannot load it" in response.json()["error"]
        assert str(tmp_path) not in response.text
        assert server.get("/livez").status_code == 200
    assert not marker.exists()


@pytest.mark.parametrize("change", [activate_by_another_function, be_another_class])
def test_a_file_that_names_other_code_does_not_reach_it(tmp_path, change):
    marker = tmp_path / "ran"
    path = saved(tmp_path / "model.h5", 1, "sigmoid")
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"]["layers"][-1], marker)
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ValueError, match="Keras cannot load it"):
        KerasClassifier(path, 1)
    assert not marker.exists()


def test_weights_that_lie_in_another_file_are_not_fetched(tmp_path):
    path = saved(tmp_path / "model.h5", 1, "sigmoid")
    secret = tmp_path / "secret.h5"
    with h5py.File(path, "a") as file, h5py.File(secret, "w") as other:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        name = next(name for name in names if name.startswith("model_weights"))
        other["stolen"] = file[name][()]
        del file[name]
        file[name] = h5py.ExternalLink(str(secret), "stolen")
    with pytest.raises((ValueError, OSError)):
        KerasClassifier(path, 1)


def test_an_architecture_nested_beyond_reason_is_refused(tmp_path):
    path = saved(tmp_path / "model.h5", 1, "sigmoid")
    with h5py.File(path, "a") as file:
        del file.attrs["model_config"]
        file.attrs.create("model_config", "[" * 50_000, dtype=h5py.string_dtype())
    with pytest.raises(ValueError, match="Keras cannot load it"):
        KerasClassifier(path, 1)
