"""What happens to pictures on their way to the network: geometry, rescaling, colour, blur, noise and JPEG.

Pure functions of tensors on any Keras backend. A treatment is drawn per unit, a unit being a pair of pictures that
must differ in nothing but their label, or a single picture. Everything that resamples is a product with one matrix
per picture and axis; JPEG is its 8x8 cosine transform with quantisation by the tables of ITU-T T.81, annex K.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from backend.domain import CROP_SIDE

Tensor = Any

STORED_SIDE = 288  # pixels of a stored picture
STORED_MARGIN = 1.1  # times the longer side of the face's box, mirrored beyond the source picture
CANVAS_SIDE = 256  # pixels, a multiple of 16: the largest size at which a face is degraded

MARGINS = (0.85, 1.05)  # of the crop; the service cuts at 1.05
ASPECTS = (0.94, 1.06)
SHIFT = 0.04  # of the crop's side, either way
MIRRORED_SHARE = 0.3  # of the units are mirrored at edges as near as dfdc's
NEAREST_EDGE = 0.72  # of the stored picture is what remains inside such edges at least

RESCALED_SHARE = 0.5
SMALLEST_FACE = 64  # pixels, side of the crop after rescaling
FILTER_WIDTHS = (0.6, 1.2)  # half width of the resampling triangle in pixels of the coarser grid
BLURRED_SHARE = 0.15
BLURS = (1.0, 2.5)  # times the width of the filter

GREY_SHARE = 0.05
BRIGHTNESS = 0.1  # of the range, either way
CONTRASTS = (0.8, 1.2)
SATURATIONS = (0.6, 1.4)
GAMMAS = (0.75, 1.33)

NOISY_SHARE = 0.3
LARGEST_NOISE = 10.0  # standard deviation in levels of 0 to 255

HIDDEN_SHARE = 0.4  # of the units have a hole, so that no single part of a face is learnt by heart
HOLE_SIDES = (0.15, 0.45)  # of the crop's side
HOLE_LEVELS = (0.0, 255.0)

COMPRESSED_SHARE = 0.7
QUALITIES = (28.0, 95.0)
SUBSAMPLED_SHARE = 0.6  # of the compressed keep chroma at half resolution

LUMINANCE_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)
CHROMINANCE_TABLE = np.full((8, 8), 99, np.float32)
CHROMINANCE_TABLE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
TO_RGB = np.linalg.inv(TO_YCBCR)
LUMA = TO_YCBCR[0]


class Treatment(NamedTuple):
    """What is done to each picture; tensors of shape (n,) float32 unless told otherwise."""

    centre_x: Tensor  # of the crop, in pixels of the stored picture
    centre_y: Tensor
    width: Tensor  # of the crop, in the same pixels
    height: Tensor
    flipped: Tensor  # 1 where left and right are exchanged, else 0
    edge: Tensor  # distance from the border of the stored picture at which it is mirrored
    face_side: Tensor  # pixels of the crop on the canvas
    sharpness: Tensor  # half width of the resampling triangle
    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    gamma: Tensor
    noise: Tensor  # standard deviation
    hole_x: Tensor  # left, top and size of what is hidden, in sides of the crop
    hole_y: Tensor
    hole_width: Tensor  # 0 where nothing is hidden
    hole_height: Tensor
    hole_level: Tensor  # grey that hides it, 0 to 255
    quality: Tensor  # of JPEG
    compressed: Tensor  # 1 where JPEG is applied, else 0
    subsampled: Tensor


def draw_treatment(count: int, seed: keras.random.SeedGenerator) -> Treatment:
    """Draw treatments for so many units, from the same distribution whatever the label."""

    def uniform(low: float, high: float) -> Tensor:
        return keras.random.uniform((count,), low, high, seed=seed)

    def log_uniform(low: float, high: float) -> Tensor:
        return ops.exp(uniform(math.log(low), math.log(high)))

    def happens(share: float) -> Tensor:
        return ops.cast(uniform(0, 1) < share, "float32")

    def sometimes(share: float, value: Tensor, otherwise: Tensor | float) -> Tensor:
        return ops.where(uniform(0, 1) < share, value, otherwise)

    side = log_uniform(*MARGINS) / STORED_MARGIN * STORED_SIDE
    aspect = ops.sqrt(log_uniform(*ASPECTS))
    middle = STORED_SIDE / 2
    full_size = ops.minimum(side, CANVAS_SIDE)
    saturation = log_uniform(*SATURATIONS)
    hole_width, hole_height = sometimes(HIDDEN_SHARE, uniform(*HOLE_SIDES), 0.0), uniform(*HOLE_SIDES)
    return Treatment(
        centre_x=middle + uniform(-SHIFT, SHIFT) * side,
        centre_y=middle + uniform(-SHIFT, SHIFT) * side,
        width=side * aspect,
        height=side / aspect,
        flipped=happens(0.5),
        edge=sometimes(MIRRORED_SHARE, uniform(0, (1 - NEAREST_EDGE) / 2) * STORED_SIDE, 0.0),
        face_side=ops.round(sometimes(RESCALED_SHARE, log_uniform(SMALLEST_FACE, CANVAS_SIDE), full_size)),
        sharpness=uniform(*FILTER_WIDTHS) * sometimes(BLURRED_SHARE, log_uniform(*BLURS), 1.0),
        brightness=uniform(-BRIGHTNESS, BRIGHTNESS) * 255,
        contrast=log_uniform(*CONTRASTS),
        saturation=sometimes(GREY_SHARE, 0.0, saturation),
        gamma=log_uniform(*GAMMAS),
        noise=sometimes(NOISY_SHARE, uniform(0, LARGEST_NOISE), 0.0),
        hole_x=uniform(0, 1) * (1 - hole_width),
        hole_y=uniform(0, 1) * (1 - hole_height),
        hole_width=hole_width,
        hole_height=hole_height,
        hole_level=uniform(*HOLE_LEVELS),
        quality=uniform(*QUALITIES),
        compressed=happens(COMPRESSED_SHARE),
        subsampled=happens(SUBSAMPLED_SHARE),
    )


def share_treatment(treatment: Treatment, units: Tensor) -> Treatment:
    """Give each picture the treatment of its unit; `units` is (pictures,) int32."""
    return Treatment(*(ops.take(values, units, axis=0) for values in treatment))


def reflect(positions: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Fold positions into [low, high] as mirrored edges do."""
    span = high - low
    return high - ops.abs(span - ops.mod(positions - low, 2 * span))


def resampling_matrix(positions: Tensor, half_width: Tensor, taps: int) -> Tensor:
    """Weights by which samples are taken between pixels.

    Args:
        positions: (n, out), where each new pixel's centre lies in the old ones; that of pixel i lies at i + 0.5.
        half_width: (n,), of the triangle that weighs the old pixels; 1 is linear interpolation.
        taps: old pixels.

    Returns:
        (n, out, taps) float32, rows with the sum 1.
    """
    centres = ops.arange(taps, dtype="float32") + 0.5
    distance = ops.abs(positions[:, :, None] - centres) / ops.maximum(half_width, 1.0)[:, None, None]
    weights = ops.relu(1 - distance)
    return weights / ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1e-6)


def resample(pictures: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Apply matrices to (n, height, width, channels): `rows` is (n, new height, height), `columns` likewise."""
    return ops.einsum("nxw,nywc->nyxc", columns, ops.einsum("nyh,nhwc->nywc", rows, pictures))


def mean_pool(planes: Tensor, cell: int) -> Tensor:
    """Means over square cells of (n, side, side, channels), `side` a multiple of `cell`."""
    side, channels = planes.shape[1], planes.shape[3]
    cells = ops.reshape(planes, (-1, side // cell, cell, side // cell, cell, channels))
    return ops.mean(cells, axis=(2, 4))


def canvas_places(treatment: Treatment) -> Tensor:
    """Where the canvas' rows and columns lie in the crop, (n, 256), in its sides; beyond 1 there is none of it."""
    return (ops.arange(CANVAS_SIDE, dtype="float32") + 0.5) / treatment.face_side[:, None]


def to_canvas(treatment: Treatment) -> tuple[Tensor, Tensor]:
    """Matrices for rows and columns that bring the crop, at the size of its face, to the canvas' upper left."""
    places = canvas_places(treatment)

    def matrix(centre: Tensor, length: Tensor, flipped: Tensor | None) -> Tensor:
        along = places if flipped is None else ops.where(flipped[:, None] > 0, 1 - places, places)
        positions = centre[:, None] + (along - 0.5) * length[:, None]
        edge = treatment.edge[:, None]
        step = length / treatment.face_side
        return resampling_matrix(reflect(positions, edge, STORED_SIDE - edge), step * treatment.sharpness, STORED_SIDE)

    rows = matrix(treatment.centre_y, treatment.height, None)
    return rows, matrix(treatment.centre_x, treatment.width, treatment.flipped)


def from_canvas(treatment: Treatment) -> Tensor:
    """The matrix, for rows and columns alike, that brings the crop from the canvas to the network's input."""
    step = treatment.face_side / CROP_SIDE
    positions = (ops.arange(CROP_SIDE, dtype="float32") + 0.5) * step[:, None]
    inside = reflect(positions, ops.zeros_like(positions), treatment.face_side[:, None])
    return resampling_matrix(inside, step, CANVAS_SIDE)


def holes(treatment: Treatment, places: Tensor) -> Tensor:
    """Where the crop is hidden (DeVries and Taylor, "Improved Regularization with Cutout", 2017).

    Args:
        treatment: of n pictures.
        places: (n, side) or (1, side), of rows and columns alike, in sides of the crop.

    Returns:
        (n, side, side, 1) float32, 1 where it is hidden and 0 elsewhere.
    """

    def inside(start: Tensor, length: Tensor) -> Tensor:
        past = places - start[:, None]
        return ops.cast((past >= 0) & (past < length[:, None]), "float32")

    rows = inside(treatment.hole_y, treatment.hole_height)
    columns = inside(treatment.hole_x, treatment.hole_width)
    return (rows[:, :, None] * columns[:, None, :])[..., None]


def recolour(pictures: Tensor, treatment: Treatment) -> Tensor:
    """Change gamma, contrast, brightness and saturation, as cameras and their owners do."""

    def each(values: Tensor) -> Tensor:
        return values[:, None, None, None]

    bent = 255 * ops.power(ops.clip(pictures / 255, 0.001, 1), each(treatment.gamma))
    stretched = (bent - 128) * each(treatment.contrast) + 128 + each(treatment.brightness)
    grey = ops.sum(stretched * LUMA, axis=-1, keepdims=True)
    return ops.clip(grey + (stretched - grey) * each(treatment.saturation), 0, 255)


def quantisation_tables(quality: Tensor, base: np.ndarray) -> Tensor:
    """The table for each quality as libjpeg scales it: (n, 8, 8) float32, from 1 to 255."""
    scale = ops.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    return ops.clip(ops.floor((base * scale[:, None, None] + 50) / 100), 1, 255)


def cosine_matrix() -> np.ndarray:
    """The orthonormal 8-point cosine transform, (8, 8)."""
    frequency, place = np.indices((8, 8))
    matrix = np.cos((2 * place + 1) * frequency * math.pi / 16) / 2
    matrix[0] /= math.sqrt(2)
    return matrix.astype(np.float32)


def quantise_blocks(plane: Tensor, tables: Tensor) -> Tensor:
    """Lose what JPEG loses of (n, side, side, channels) around 0, by tables (n, 8, 8)."""
    side, channels = plane.shape[1], plane.shape[3]
    transform = ops.convert_to_tensor(cosine_matrix())
    blocks = ops.reshape(plane, (-1, side // 8, 8, side // 8, 8, channels))
    spectrum = ops.einsum("ui,vj,naibjc->naubvc", transform, transform, blocks)
    steps = ops.tile(tables, (1, side // 8, side // 8))[..., None]
    rounded = ops.round(ops.reshape(spectrum, (-1, side, side, channels)) / steps) * steps
    rounded = ops.reshape(rounded, (-1, side // 8, 8, side // 8, 8, channels))
    return ops.reshape(ops.einsum("ui,vj,naubvc->naibjc", transform, transform, rounded), (-1, side, side, channels))


def compress(pictures: Tensor, treatment: Treatment) -> Tensor:
    """What JPEG makes of (n, side, side, 3), 0 to 255, `side` a multiple of 16, where the treatment compresses."""
    colours = ops.matmul(pictures, TO_YCBCR.T)
    luma = quantise_blocks(colours[..., :1] - 128, quantisation_tables(treatment.quality, LUMINANCE_TABLE)) + 128
    tables = quantisation_tables(treatment.quality, CHROMINANCE_TABLE)
    chroma = quantise_blocks(colours[..., 1:], tables)
    coarse = quantise_blocks(mean_pool(colours[..., 1:], 2), tables)
    subsampled = treatment.subsampled[:, None, None, None] > 0
    chroma = ops.where(subsampled, ops.repeat(ops.repeat(coarse, 2, axis=1), 2, axis=2), chroma)
    decoded = ops.clip(ops.round(ops.matmul(ops.concatenate([luma, chroma], axis=-1), TO_RGB.T)), 0, 255)
    return ops.where(treatment.compressed[:, None, None, None] > 0, decoded, pictures)


def treat(pictures: Tensor, treatment: Treatment, seed: keras.random.SeedGenerator) -> Tensor:
    """Treat stored pictures, (n, 288, 288, 3), 0 to 255; gives (n, 224, 224, 3) float32 of whole numbers."""
    canvas = recolour(resample(pictures, *to_canvas(treatment)), treatment)
    hidden = holes(treatment, canvas_places(treatment))
    canvas = canvas * (1 - hidden) + treatment.hole_level[:, None, None, None] * hidden
    noise = keras.random.normal(ops.shape(canvas), seed=seed) * treatment.noise[:, None, None, None]
    canvas = compress(ops.clip(canvas + noise, 0, 255), treatment)
    matrix = from_canvas(treatment)
    return ops.clip(ops.round(resample(canvas, matrix, matrix)), 0, 255)


def treat_masks(masks: Tensor, treatment: Treatment, cells: int) -> Tensor:
    """Bring masks of stored pictures, (n, 288, 288, 1), to the logit map's cells, (n, cells, cells, 1)."""
    matrix = from_canvas(treatment)
    cropped = resample(resample(masks, *to_canvas(treatment)), matrix, matrix)
    return mean_pool(cropped, CROP_SIDE // cells)


def visible_cells(treatment: Treatment, cells: int) -> Tensor:
    """1 where a cell of the logit map is not hidden, else 0: (n, cells, cells, 1)."""
    return 1 - holes(treatment, (ops.arange(cells, dtype="float32")[None] + 0.5) / cells)


def mix_up(pictures: Tensor, share: float, seed: keras.random.SeedGenerator) -> tuple[Tensor, Tensor]:
    """Blend a share of the pictures with the one at the other end of the batch.

    Returns:
        the pictures, and (n,) the weight of each picture's own label, 0.5 to 1.
    """
    count = pictures.shape[0]
    chosen = keras.random.uniform((count,), seed=seed) < share
    own = ops.where(chosen, keras.random.uniform((count,), 0.5, 1, seed=seed), 1.0)
    weights = own[:, None, None, None]
    return pictures * weights + ops.flip(pictures, axis=0) * (1 - weights), own
