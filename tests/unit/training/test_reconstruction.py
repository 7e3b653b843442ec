from __future__ import annotations

import pickle
import sys
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest

from training.autoencoder import (
    Autoencoder,
    build_decoder,
    build_encoder,
    convolution,
    load_autoencoder,
    read_tensors,
)
from training.reconstruction import SIDES, reconstruct

COUNT = 2 * len(SIDES)


@pytest.fixture(scope="module")
def coarse() -> Autoencoder:
    """Small networks of an autoencoder's shapes, which give back the colours of cells of 8 pixels, and red."""
    mean = keras.layers.AveragePooling2D(8)
    spread = keras.layers.Conv2D(32, 1, kernel_initializer=keras.initializers.Orthogonal(seed=0))
    encoder = keras.Sequential([keras.Input((None, None, 3)), mean, spread])
    back = keras.layers.Conv2D(3, 1, bias_initializer=keras.initializers.Constant([0.2, 0, 0]))
    decoder = keras.Sequential([keras.Input((None, None, 32)), back, keras.layers.UpSampling2D(8)])
    back.kernel.assign(np.asarray(spread.kernel).transpose(0, 1, 3, 2))
    return Autoencoder(encoder, decoder)


@pytest.fixture(scope="module")
def made(coarse) -> tuple[np.ndarray, ...]:
    pictures = np.random.default_rng(0).integers(40, 200, (COUNT, 288, 288, 3)).astype(np.float32)
    points = [[100, 110], [180, 110], [140, 150], [110, 190], [170, 190]]
    landmarks = np.repeat(np.array(points, np.float32)[None], COUNT, axis=0)
    parts = reconstruct(pictures, landmarks, coarse, keras.random.SeedGenerator(1))
    return pictures, *(np.asarray(part) for part in parts)


def test_a_reconstruction_differs_from_its_original_inside_its_mask_alone(made):
    _, originals, fakes, masks = made
    assert originals.shape == fakes.shape == (COUNT, 288, 288, 3) and masks.shape == (COUNT, 288, 288, 1)
    assert min(originals.min(), fakes.min()) >= 0 and max(originals.max(), fakes.max()) <= 255
    assert masks.min() >= 0 and masks.max() <= 1
    change = np.abs(fakes - originals).mean(axis=-1, keepdims=True)
    assert change[masks < 1e-4].max() < 0.1
    assert change[masks == 1].mean() > 5


def test_some_reconstructions_are_of_the_whole_picture_and_others_of_a_part(made):
    whole = (made[3] == 1).all(axis=(1, 2, 3))
    assert 0 < whole.sum() < COUNT


def test_originals_lose_what_the_size_takes_and_no_more(made):
    pictures, originals, _, _ = made
    detail = (originals - originals.mean(axis=(1, 2), keepdims=True)).std(axis=(1, 2, 3))
    assert detail[:2].max() < detail[-2:].min()
    np.testing.assert_allclose(originals[-2:], pictures[-2:], atol=1e-3)
    np.testing.assert_allclose(originals.mean(axis=(1, 2)), pictures.mean(axis=(1, 2)), atol=2)


def test_where_a_convolution_strides_it_is_centred_on_even_pixels():
    inputs = keras.Input((6, 6, 1))
    network = keras.Model(inputs, convolution(1, "strided", stride=2, biased=False)(inputs))
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 1] = 1
    network.get_layer("strided").kernel.assign(kernel)
    picture = np.arange(36, dtype=np.float32).reshape(1, 6, 6, 1)
    np.testing.assert_array_equal(np.asarray(network(picture)), picture[:, ::2, ::2])


@dataclass
class Storage:
    values: np.ndarray


def write_tensors(path: Path, tensors: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file as PyTorch saves it: a pickle of tensors, and beside it the numbers of each."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")

    def _rebuild_tensor_v2() -> None: ...

    half = type("HalfStorage", (), {"__module__": "torch"})
    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    torch.HalfStorage, torch._utils, utils._rebuild_tensor_v2 = half, utils, _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    stored: list[np.ndarray] = []

    class Writer(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            if not isinstance(value, Storage):
                return None
            stored.append(value.values)
            return "storage", half, str(len(stored) - 1), "cpu", value.values.size

        def reducer_override(self, value: Any) -> Any:
            if not isinstance(value, np.ndarray):
                return NotImplemented
            strides = tuple(stride // value.itemsize for stride in value.strides)
            return _rebuild_tensor_v2, (Storage(value), 0, value.shape, strides, False, OrderedDict())

    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("some/data.pkl", "w") as stream:
            Writer(stream, protocol=2).dump(OrderedDict(tensors))
        for number, values in enumerate(stored):
            archive.writestr(f"some/data/{number}", values.tobytes())
    return path


def tensors_of(network: keras.Model) -> dict[str, np.ndarray]:
    tensors = {}
    for layer in network.layers:
        weights = [np.asarray(weight, np.float16) for weight in layer.get_weights()]
        for name, values in zip(("weight", "bias"), weights, strict=False):
            tensors[f"{layer.name}.{name}"] = values.transpose(3, 2, 0, 1).copy() if values.ndim == 4 else values
    return tensors


def test_weights_are_read_from_pytorch_s_files_and_refused_where_they_are_of_another_network(tmp_path, monkeypatch):
    encoder, decoder = build_encoder(), build_decoder()
    first = write_tensors(tmp_path / "encoder.pth", tensors_of(encoder), monkeypatch)
    second = write_tensors(tmp_path / "decoder.pth", tensors_of(decoder), monkeypatch)
    loaded = load_autoencoder(first, second)
    picture = np.random.default_rng(0).random((1, 32, 24, 3)).astype(np.float32)
    latents = np.asarray(loaded.encoder(picture))
    assert latents.shape == (1, 4, 3, 32)
    np.testing.assert_allclose(latents, np.asarray(encoder(picture)), atol=1e-2)
    back = np.asarray(loaded.decoder(latents))
    assert back.shape == picture.shape
    np.testing.assert_allclose(back, np.asarray(decoder(latents)), atol=1e-2)
    assert not loaded.encoder.trainable_weights and not loaded.decoder.trainable_weights
    with pytest.raises(ValueError, match=r"encoder\.pth is not a file of decoder's weights"):
        load_autoencoder(first, first)


def test_a_file_that_would_run_something_is_refused(tmp_path):
    path = tmp_path / "evil.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("evil/data.pkl", pickle.dumps({"0.weight": print}))
    with pytest.raises(pickle.UnpicklingError, match=r"builtins\.print"):
        read_tensors(path)
