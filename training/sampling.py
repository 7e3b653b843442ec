"""Batches: pairs, pictures that fakes are yet to be made of, and singles, drawn anew for every step."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.faces import FaceSet

Indices = NDArray[np.int64]


class BatchSampler(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """An endless, seeded stream of batches, cut into epochs.

    A batch is a dictionary: `pictures` (batch, 288, 288, 3) uint8, `landmarks` (batch, 5, 2) float32 and `fake`
    (batch,) float32. Its order is that of `units`: real and fake of each pair; then each picture to be reconstructed,
    twice; each to be blended with itself, twice; then the real singles and the fake ones.
    """

    def __init__(self, faces: FaceSet, config: TrainingConfig, **loading: Any) -> None:
        super().__init__(**loading)
        self._faces = faces
        self._config = config
        self._fake = faces.fake
        self._sources = faces.sources
        self._pairs = find_pairs(faces)
        if config.pairs and not self._pairs:
            raise ValueError("the configuration wants pairs, and the data has none")
        if config.coded_share and len(faces.coded) != len(faces):
            raise ValueError("the configuration wants coded pictures, and they were not made")
        self._chances = {fake: single_chances(faces, config, fake) for fake in (False, True)}
        self._epoch = 0

    def __len__(self) -> int:
        return self._config.epoch_steps

    def __getitem__(self, step: int) -> tuple[dict[str, NDArray[Any]]]:
        random = np.random.default_rng((self._config.seed, self._epoch, step))
        order = self.draw(random)
        coded = self.draw_coded(random)
        faces = self._faces
        chosen = [faces.coded[at] if code else faces.pictures[at] for at, code in zip(order, coded, strict=True)]
        return (
            {
                "pictures": np.stack(chosen),
                "landmarks": faces.landmarks[order],
                "fake": self._fake[order].astype(np.float32),
            },
        )

    def on_epoch_end(self) -> None:
        """Go on to other batches."""
        self._epoch += 1

    def draw(self, random: np.random.Generator) -> Indices:
        """Draw the pictures of a batch, (batch,)."""
        config = self._config
        chosen: list[int] = random.integers(len(self._pairs), size=config.pairs).tolist() if config.pairs else []
        paired = [(real, random.choice(fakes)) for real, fakes in (self._pairs[pair] for pair in chosen)]
        counts = (config.self_blended, config.reconstructed, config.singles // 2)
        reals = random.choice(len(self._faces), sum(counts), p=self._chances[False])
        fakes = random.choice(len(self._faces), config.singles // 2, p=self._chances[True])
        blended, reconstructed, singles = np.split(reals, np.cumsum(counts)[:-1])
        # Neighbours give each other parts, which should not differ by what their sources differ in.
        doubled = np.concatenate([reconstructed, sorted(blended, key=self._sources.item)])
        return np.concatenate([np.reshape(paired, -1), np.repeat(doubled, 2), singles, fakes]).astype(np.int64)

    def draw_coded(self, random: np.random.Generator) -> NDArray[np.bool_]:
        """Draw which pictures of a batch come as a codec left them, (batch,): those of one unit alike."""
        of_pictures = units(self._config)
        drawn: NDArray[np.bool_] = random.random(of_pictures[-1] + 1) < self._config.coded_share
        return drawn[of_pictures]


def units(config: TrainingConfig) -> NDArray[np.int32]:
    """The unit of each picture of a batch, (batch,): those of one unit get the same treatment."""
    singles = np.arange(config.doubles, config.doubles + config.singles)
    return np.concatenate([np.repeat(np.arange(config.doubles), 2), singles]).astype(np.int32)


def find_pairs(faces: FaceSet) -> list[tuple[int, list[int]]]:
    """Each real picture that fakes were made of, with those fakes."""
    reals: dict[str, int] = {}
    fakes: defaultdict[str, list[int]] = defaultdict(list)
    for index, sample in enumerate(faces.samples):
        if sample.pair and sample.fake:
            fakes[sample.pair].append(index)
        elif sample.pair:
            reals[sample.pair] = index
    return [(reals[pair], made) for pair, made in fakes.items() if pair in reals]


def single_chances(faces: FaceSet, config: TrainingConfig, fake: bool) -> NDArray[np.float64]:
    """The chance of each picture to be drawn as a single of a label, (n,), summing to 1.

    A source counts by the square root of its size times its emphasis, a group within it by the square root of its
    own: so that neither the many of one kind nor the few of another rule.
    """
    members: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, sample in enumerate(faces.samples):
        if sample.fake == fake:
            members[sample.source][sample.group].append(index)
    if not members:
        raise ValueError(f"the data has no {'fake' if fake else 'real'} pictures")
    chances: NDArray[np.float64] = np.zeros(len(faces))
    for source, groups in members.items():
        share = np.sqrt(sum(map(len, groups.values()))) * config.emphasis.get(source, 1.0)
        among = sum(np.sqrt(len(group)) for group in groups.values())
        for group in groups.values():
            chances[group] = share * np.sqrt(len(group)) / among / len(group)
    chances /= chances.sum()
    return chances
