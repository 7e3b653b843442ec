"""The limits that hold for every picture and every frame, checked before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import MediaTooComplex

MEGAPIXEL = 1_000_000


@dataclass(frozen=True)
class MediaLimits:
    """At most this many pixels in all, and in width and in height."""

    pixels: int
    side: int

    def check(self, width: int, height: int) -> None:
        """Raise MediaTooComplex for a picture beyond them."""
        if width > self.side or height > self.side or width * height > self.pixels:
            raise MediaTooComplex(
                f"The picture is {width} x {height} pixels; at most {self.pixels / MEGAPIXEL:g} megapixels and "
                f"{self.side} pixels a side are examined."
            )
