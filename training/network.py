"""The network: EfficientNetB0 (Tan and Le, 2019) whose last features become a map of logits."""

from __future__ import annotations

from pathlib import Path

import keras

from backend.domain import CROP_SIDE

MAP_SIDE = 7  # cells of the logit map, each seeing the crop around its own 32 pixels
HEAD_DROPOUT = 0.4  # of the last features, while training


def build_network(side: int = CROP_SIDE) -> keras.Model:
    """Build the network with random weights.

    Takes (n, side, side, 3) RGB, 0 to 255. Gives `probability` (n, 1) of being fake and `logit_map` (n, 7, 7, 1) for
    a side of 224, whose mean is the logit: a 1x1 convolution followed by the mean is the usual pooled head, so the map
    is exact. Stochastic depth (Huang et al., 2016) is part of Keras' EfficientNetB0.
    """
    base = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(side, side, 3), name="efficientnetb0"
    )
    features = keras.layers.Dropout(HEAD_DROPOUT)(base.output)
    logit_map = keras.layers.Conv2D(1, 1, dtype="float32", name="logit_map")(features)
    logit = keras.layers.GlobalAveragePooling2D(dtype="float32", name="logit")(logit_map)
    probability = keras.layers.Activation("sigmoid", dtype="float32", name="probability")(logit)
    return keras.Model(base.input, [probability, logit_map], name="detector")


def load_network(weights: Path) -> keras.Model:
    """Build the network and load weights from a `.weights.h5` file of it.

    `load_weights`, since `set_weights` would leave the constants of the Normalization layer as they were.
    """
    network = build_network()
    network.load_weights(weights)
    return network
