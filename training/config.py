"""What runs of training differ in; everything else is a constant beside the code that it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

CROP_MARGIN = 1.05  # times the longer side of the face's box, at the upper end of what training draws

SHARP_REALS = ("amfd", "portraits", "stylegan1", "stylegan2", "unsplash")  # called fake before they weighed more
SOFT_REALS = ("all_age_faces", "lfw", "utkface")  # many and easy


def _default_emphasis() -> Mapping[str, float]:
    return {**dict.fromkeys(SHARP_REALS, 2.0), **dict.fromkeys(SOFT_REALS, 0.5)}


@dataclass(frozen=True)
class TrainingConfig:
    """One run.

    A batch is `pairs` originals each with a fake made of it, `reconstructed` reals each with what an autoencoder gives
    back of it, `self_blended` reals each with a fake blended of itself or of itself and another, and `singles`, half
    of them real. `emphasis` multiplies the share of a source among the singles.
    """

    seed: int = 0
    minutes: float = 8.0  # from the end of the first step, so that compilation does not count
    pairs: int = 64
    reconstructed: int = 0
    self_blended: int = 48
    transplanted_share: float = 0.0  # of the self-blended, made with a part of another face instead
    singles: int = 160
    emphasis: Mapping[str, float] = field(default_factory=_default_emphasis)
    learning_rate: float = 3e-4  # at its peak
    warm_up: float = 0.05  # of the run, in which the learning rate rises
    weight_decay: float = 0.02
    sharpness_radius: float = 0.0  # by the norm over all weights: how far around them the loss is to be low, on JAX
    weights_memory: float = 0.999  # of the running average of the weights that is kept
    label_smoothing: float = 0.05
    map_share: float = 0.25  # of the loss: how strongly the logit map follows the masks
    mixed_up: float = 0.25  # share of samples blended with another (Zhang et al., "mixup", 2018)
    coded_share: float = 0.35  # of the units come as H.264 leaves them
    taught_share: float = 0.0  # of the loss: how strongly the network follows its teachers, where it has any
    epoch_steps: int = 250  # between two looks at validation

    def __post_init__(self) -> None:
        if self.doubles == 0 or self.singles % 2:
            raise ValueError("a batch needs pairs or pictures to make fakes of, and an even number of singles")
        if self.sharpness_radius < 0:
            raise ValueError("the radius of sharpness-aware steps is not below 0")

    @property
    def doubles(self) -> int:
        """Real pictures in a batch that come with a fake of their own."""
        return self.pairs + self.reconstructed + self.self_blended

    @property
    def batch(self) -> int:
        """Pictures in a batch."""
        return 2 * self.doubles + self.singles


def read_config(path: Path) -> TrainingConfig:
    """Read a configuration from JSON; fields that it does not name keep their defaults."""
    return TrainingConfig(**json.loads(path.read_text(encoding="utf-8")))


def write_config(config: TrainingConfig, path: Path) -> None:
    """Write a configuration, whole, as JSON."""
    path.write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")
