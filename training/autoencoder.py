"""TAEF2: a small autoencoder that stands in for that of the diffusion model FLUX.2.

By Ollin Boer Bohan, github.com/madebyollin/taesd, under the MIT licence: `taef2_encoder.pth` and `taef2_decoder.pth`.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

LATENT_CHANNELS = 32
CHANNELS = 64
GROUPS = 4

STORAGES = {"FloatStorage": np.float32, "HalfStorage": np.float16}

Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Autoencoder:
    """`encoder` takes (n, side, side, 3) RGB, 0 to 1, and gives (n, side / 8, side / 8, 32); `decoder` goes back."""

    encoder: keras.Model
    decoder: keras.Model


def load_autoencoder(encoder: Path, decoder: Path) -> Autoencoder:
    """Build both networks and read their weights, which do not learn.

    Raises:
        ValueError: a file is of another network, or not of PyTorch's at all.
    """
    made = Autoencoder(build_encoder(), build_decoder())
    for network, path in ((made.encoder, encoder), (made.decoder, decoder)):
        try:
            _assign(network, read_tensors(path))
        except (KeyError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is not a file of {network.name}'s weights: {error}") from error
        network.trainable = False
    return made


def build_encoder() -> keras.Model:
    """The encoder, with random weights. Layers have the names of PyTorch's, where they stand in a sequence."""
    picture = keras.Input((None, None, 3))
    x = _block(convolution(CHANNELS, "0")(picture), "1")
    for first, pooled in ((2, False), (6, False), (10, True)):
        x = convolution(CHANNELS, str(first), stride=2, biased=False)(x)
        for place in range(first + 1, first + 4):
            x = _block(x, str(place), pooled)
    return keras.Model(picture, convolution(LATENT_CHANNELS, "14")(x), name="encoder")


def build_decoder() -> keras.Model:
    """The decoder, with random weights, named likewise."""
    latents = keras.Input((None, None, LATENT_CHANNELS))
    x = keras.layers.ReLU()(convolution(CHANNELS, "1")(keras.ops.tanh(latents / 3) * 3))
    for first, pooled in ((3, True), (8, False), (13, False)):
        for place in range(first, first + 3):
            x = _block(x, str(place), pooled)
        x = convolution(CHANNELS, str(first + 4), biased=False)(keras.layers.UpSampling2D(2)(x))
    return keras.Model(latents, convolution(3, "19")(_block(x, "18")), name="decoder")


def read_tensors(path: Path) -> Tensors:
    """The named tensors of a file that PyTorch saved, without PyTorch, and without running what the file says.

    Raises:
        KeyError: a part is missing.
        ValueError: a tensor has not as many numbers as its shape.
        pickle.UnpicklingError: it holds something else than tensors of the types in `STORAGES`.
        zipfile.BadZipFile: it is not a file of PyTorch's.
    """
    with zipfile.ZipFile(path) as archive:
        root = PurePath(archive.namelist()[0]).parts[0]

        class Reader(pickle.Unpickler):
            def find_class(self, module: str, name: str) -> Any:
                if module == "torch" and name in STORAGES:
                    return STORAGES[name]
                known = {("collections", "OrderedDict"): OrderedDict, ("torch._utils", "_rebuild_tensor_v2"): _rebuild}
                if (module, name) not in known:
                    raise pickle.UnpicklingError(f"{module}.{name} is not needed for tensors")
                return known[module, name]

            def persistent_load(self, pid: Any) -> NDArray[Any]:
                _, kind, key, *_ = pid
                return np.frombuffer(archive.read(f"{root}/data/{key}"), kind)

        with archive.open(f"{root}/data.pkl") as stream:
            return {name: np.asarray(values, np.float32) for name, values in Reader(stream).load().items()}


def _rebuild(storage: NDArray[Any], offset: int, shape: tuple[int, ...], *_: Any) -> NDArray[Any]:
    return storage[offset : offset + math.prod(shape)].reshape(shape)


def _assign(network: keras.Model, tensors: Tensors) -> None:
    unused = dict(tensors)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.kernel.assign(unused.pop(f"{layer.name}.weight").transpose(2, 3, 1, 0))
            if layer.use_bias:
                layer.bias.assign(unused.pop(f"{layer.name}.bias"))
        elif isinstance(layer, keras.layers.GroupNormalization):
            layer.gamma.assign(unused.pop(f"{layer.name}.weight"))
            layer.beta.assign(unused.pop(f"{layer.name}.bias"))
    if unused:
        raise ValueError(f"nothing takes {', '.join(unused)}")


def convolution(channels: int, name: str, size: int = 3, stride: int = 1, biased: bool = True) -> Callable[[Any], Any]:
    """A convolution with a border of zeros on all sides, as PyTorch pads also where it strides."""
    layer = keras.layers.Conv2D(channels, size, stride, use_bias=biased, name=name)
    return lambda x: layer(keras.layers.ZeroPadding2D(size // 2)(x))


def _block(x: Any, name: str, pooled: bool = False) -> Any:
    if pooled:
        wide = convolution(GROUPS * CHANNELS, f"{name}.pool.0", size=1, biased=False)(x)
        norm = keras.layers.GroupNormalization(GROUPS, epsilon=1e-5, name=f"{name}.pool.1")
        narrow = convolution(CHANNELS, f"{name}.pool.3", size=1, biased=False)
        x = x + narrow(keras.layers.ReLU()(norm(wide)))
    y = x
    for place in (0, 2, 4):
        y = convolution(CHANNELS, f"{name}.conv.{place}")(y)
        y = keras.layers.ReLU()(y) if place < 4 else y
    return keras.layers.ReLU()(y + x)
