"""Weights of several networks of one lineage to one network (Wortsman et al., "Model soups", 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training.network import load_network

Weights = list[NDArray[np.float32]]


def weights_of(network: keras.Model) -> Weights:
    """The variables of a network in its own order, batch-norm statistics included, as float32."""
    return [np.asarray(keras.ops.convert_to_numpy(variable.value), np.float32) for variable in network.weights]


def assign(network: keras.Model, weights: Weights) -> None:
    """Give a network weights in place, the constants of its input normalisation too."""
    for variable, value in zip(network.weights, weights, strict=True):
        variable.assign(value.astype(variable.dtype))
    for layer in network.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def average(parts: Sequence[Weights], shares: Sequence[float]) -> Weights:
    """The weighted mean of weights of equal structure; of `shares`, one a part, only the ratio counts."""
    total = sum(shares)
    return [
        np.sum([share / total * value for share, value in zip(shares, values, strict=True)], axis=0).astype(np.float32)
        for values in zip(*parts, strict=True)
    ]


def save_average(paths: Sequence[Path], shares: Sequence[float], target: Path) -> None:
    """Write the model whose weights are an average of checkpoints'."""
    network = load_network(paths[0])
    assign(network, average([weights_of(load_network(path)) for path in paths], shares))
    network.save(target)
