"""Somebody else's model file: taken where it fits, refused in one sentence where it does not, never trusted."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from backend.model.conversion import ConversionError, converted_folder
from backend.model.golden import golden_crops
from backend.model.keras_classifier import KerasClassifier
from backend.model.openvino_classifier import IR_NAME, NICENESS, OpenVinoClassifier, activate_by_tangents
from backend.silent_openvino import import_openvino
from tests.generators import face_picture, write_picture
from tests.server import running_server, wait_until

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import keras

pytestmark = pytest.mark.filterwarnings("ignore")


def saved(path: Path, outputs: int, activation: str, side: int = 224, last: keras.layers.Layer | None = None) -> Path:
    keras.utils.set_random_seed(3)
    layers = [
        keras.Input((side, side, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(4, 8, strides=8),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(outputs, activation=activation),
    ]
    keras.Sequential(layers + ([last] if last else [])).save(path)
    return path


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_one_sigmoid_is_taken_from_either_kind_of_file(tmp_path, name):
    probabilities, maps = KerasClassifier(saved(tmp_path / name, 1, "sigmoid"), 1).predict(golden_crops())
    assert probabilities.shape == (4,) and maps is None
    assert (probabilities > 0).all() and (probabilities < 1).all()


def test_of_a_softmax_the_setting_says_which_output_means_fake(tmp_path):
    path = saved(tmp_path / "model.h5", 2, "softmax")
    second, _ = KerasClassifier(path, 1).predict(golden_crops())
    first, _ = KerasClassifier(path, 0).predict(golden_crops())
    np.testing.assert_allclose(first + second, 1, atol=1e-6)
    assert np.abs(first - second).max() > 1e-3


def test_what_a_crop_gives_depends_neither_on_other_crops_nor_on_how_many_streams_are_free(tmp_path):
    path = saved(tmp_path / "model.h5", 1, "sigmoid")
    folder = converted_folder(path, 1, tmp_path / "cache")
    crops = np.concatenate([golden_crops(), golden_crops()[::-1, :, ::-1]])
    alone = OpenVinoClassifier(folder, 1, reduced_precision=False, streams=1)
    wanted = np.concatenate([alone.predict(crop[None])[0] for crop in crops])
    classifier = OpenVinoClassifier(folder, 1, reduced_precision=False, streams=3)
    for count in (8, 7):  # of 7 the last one is left over
        np.testing.assert_array_equal(classifier.predict(crops[:count])[0], wanted[:count])
    assert classifier._by_all_threads.result()  # from here on it is judged by all threads
    np.testing.assert_array_equal(classifier.predict(crops[:7])[0], wanted[:7])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is no thread's own")
def test_the_threads_of_the_network_give_way_and_no_others(tmp_path):
    def niceness() -> list[int]:
        return [os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in Path("/proc/self/task").iterdir()]

    folder = converted_folder(saved(tmp_path / "model.h5", 1, "sigmoid"), 1, tmp_path / "cache")
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    given = max(own, NICENESS)
    before = niceness().count(given)
    classifier = OpenVinoClassifier(folder, 1, reduced_precision=False, streams=2)
    assert niceness().count(given) >= before + 2
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
    assert len(classifier.predict(golden_crops())[0]) == 4


@pytest.mark.parametrize(("outputs", "side", "words"), [(3, 224, "outputs of shape"), (1, 128, "inputs of shape")])
def test_a_model_of_another_shape_is_refused(tmp_path, outputs, side, words):
    path = saved(tmp_path / "model.h5", outputs, "softmax" if outputs > 1 else "sigmoid", side)
    with pytest.raises(ValueError, match=words):
        KerasClassifier(path, 1)


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_a_model_with_code_of_its_own_is_refused_and_the_code_does_not_run(tmp_path, name):
    marker = tmp_path / "ran"
    code = keras.layers.Lambda(lambda x, path=str(marker): (Path(path).touch(), x)[1])
    path = saved(tmp_path / name, 1, "sigmoid", last=code)
    marker.unlink(missing_ok=True)
    with pytest.raises(ValueError, match="Keras cannot load it"):
        KerasClassifier(path, 1)
    assert not marker.exists()


def test_a_file_of_keras_2_is_named_as_such(tmp_path):
    path = saved(tmp_path / "model.h5", 1, "sigmoid")
    with h5py.File(path, "a") as file:
        file.attrs["keras_version"] = "2.15.0"
    with pytest.raises(ValueError, match="saved by Keras 2: install tf_keras"):
        KerasClassifier(path, 1)


def test_a_converted_model_answers_as_the_original_does(tmp_path):
    path = saved(tmp_path / "model.h5", 2, "softmax")
    folder = converted_folder(path, 0, tmp_path / "cache")
    converted = OpenVinoClassifier(folder, 0, reduced_precision=False, streams=2)
    ours, maps = converted.predict(golden_crops())
    theirs, _ = KerasClassifier(path, 0).predict(golden_crops())
    assert maps is None
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert converted_folder(path, 0, tmp_path / "cache") == folder


def test_activations_by_tangents_give_what_those_by_sigmoids_give(tmp_path):
    path = saved(tmp_path / "model.h5", 3, "swish", last=keras.layers.Dense(1, activation="sigmoid"))
    openvino = import_openvino()
    network = openvino.Core().read_model(converted_folder(path, 1, tmp_path / "cache") / IR_NAME)
    crops = golden_crops().astype(np.float32)
    exactly = {"INFERENCE_PRECISION_HINT": "f32"}
    before = openvino.compile_model(network, "CPU", exactly)(crops)[0]
    assert "Swish" in {node.get_type_name() for node in network.get_ops()}
    activate_by_tangents(openvino, network)
    assert "Swish" not in {node.get_type_name() for node in network.get_ops()}
    np.testing.assert_allclose(openvino.compile_model(network, "CPU", exactly)(crops)[0], before, atol=1e-6)
    assert np.ptp(before) > 1e-4


def test_of_processes_that_convert_a_model_at_once_each_has_it_whole_and_nothing_else_is_left(tmp_path):
    path = saved(tmp_path / "model.h5", 1, "sigmoid")
    cache = tmp_path / "cache"
    with ThreadPoolExecutor(3) as pool:
        folders = set(pool.map(lambda _: converted_folder(path, 1, cache), range(3)))
    assert [*cache.iterdir()] == [*folders]
    ours, _ = OpenVinoClassifier(folders.pop(), 1, reduced_precision=False, streams=1).predict(golden_crops())
    np.testing.assert_allclose(ours, KerasClassifier(path, 1).predict(golden_crops())[0], atol=1e-4)


def test_what_cannot_be_converted_says_why(tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(b"no model")
    with pytest.raises(ConversionError):
        converted_folder(path, 1, tmp_path / "cache")


def test_the_service_runs_with_a_foreign_model_and_says_that_it_is_not_calibrated(tmp_path):
    path = saved(tmp_path / "model.h5", 1, "sigmoid")
    settings = {"DETECTOR_MODEL_PATH": str(path), "DETECTOR_CACHE_FOLDER": str(tmp_path / "cache")}
    with running_server(tmp_path, **settings) as server:
        server.wait_for("/readyz", 200)
        answer = server.predict(write_picture(tmp_path / "a.jpg", face_picture())).json()
    assert answer["details"]["model"]["calibrated"] is False
    assert answer["details"]["verdict"] == "inconclusive"
    assert answer["details"]["frames"][0]["faces"][0]["logit_map"] is None


def test_where_conversion_fails_keras_judges_and_the_reason_is_logged(tmp_path):
    path = saved(tmp_path / "model.h5", 1, "sigmoid")
    unwritable = tmp_path / "cache"
    unwritable.write_text("a file where a folder should be")
    settings = {"DETECTOR_MODEL_PATH": str(path), "DETECTOR_CACHE_FOLDER": str(unwritable)}
    with running_server(tmp_path, **settings) as server:
        server.wait_for("/readyz", 200)
        wait_until(lambda: "Keras judges, slower" in server.log, 10)
        assert server.predict(write_picture(tmp_path / "a.jpg", face_picture())).status_code == 200
