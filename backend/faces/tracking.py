"""Faces of successive frames to tracks: the same face is given the same number."""

from __future__ import annotations

import math
from collections.abc import Sequence

from backend.domain import Box

FARTHEST_MOVE = 1.0  # times the face's side, between the frames compared
LARGEST_GROWTH = 2.0  # ratio of sides, either way


def number_tracks(frames: Sequence[Sequence[Box]]) -> list[list[int]]:
    """Give every face of every frame the number of its track, from 1 in order of appearance.

    Faces are joined to the last sighting of a track, the nearest pairs first; a face too far from all of them, or
    too different in size, begins a track. Frames may lie seconds apart, so no motion is extrapolated.
    """
    last_seen: dict[int, Box] = {}
    numbered: list[list[int]] = []
    for faces in frames:
        pairs = sorted(
            (distance, number, place)
            for place, face in enumerate(faces)
            for number, box in last_seen.items()
            if (distance := _distance(box, face)) <= FARTHEST_MOVE
        )
        assigned: dict[int, int] = {}
        for _, number, place in pairs:
            if place not in assigned and number not in assigned.values():
                assigned[place] = number
        for place in range(len(faces)):
            assigned.setdefault(place, max([0, *last_seen, *assigned.values()]) + 1)
        last_seen.update({assigned[place]: face for place, face in enumerate(faces)})
        numbered.append([assigned[place] for place in range(len(faces))])
    return numbered


def _distance(one: Box, other: Box) -> float:
    """Distance of the centres in units of the mean side; infinite for sizes too different to be one face."""
    growth = one.longer_side / other.longer_side
    if not 1 / LARGEST_GROWTH <= growth <= LARGEST_GROWTH:
        return math.inf
    return math.dist(one.centre, other.centre) / ((one.longer_side + other.longer_side) / 2)
