from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from backend.domain import Box
from backend.model.holder import LoadedModel
from tests.fakes import MANIFEST, FakeClassifier
from tests.generators import face_frames, face_picture, numbered_frames, write_video
from training.dataset import Sample
from training.judging import JudgedFile
from training.people import age_band, read_people, real_called_fake_by_trait, traits_of
from training.pointing import Masked, play
from training.regions import region_games
from training.robustness import HARMLESS, REENCODED, clips_reencoded, compress, reencode


class PointsAt:
    """A network whose map is highest in some cells, whatever it sees."""

    logit_tolerance = 0.0
    failed = False

    def __init__(self, row: int | slice, column: int | slice) -> None:
        self._map = np.zeros((7, 7), np.float32)
        self._map[row, column] = 1

    def predict(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.full(len(crops), 0.5, np.float32), np.repeat(self._map[None], len(crops), axis=0)


def sample(path: Path, panel: Box | None = None) -> Sample:
    return Sample(path, True, "web", "", "val", "g", panel=panel)


def times_and_size(path: Path) -> tuple[list[float], tuple[int, int], str]:
    with av.open(str(path)) as container:
        film = container.streams.video[0]
        return (
            [float(frame.pts * film.time_base) for frame in container.decode(film)],
            (film.width, film.height),
            film.codec_context.name,
        )


@pytest.mark.parametrize(("scale", "size"), [(1.0, (96, 64)), (0.5, (48, 32))])
def test_a_clip_encoded_anew_keeps_its_times_and_its_panel(tmp_path, scale, size):
    source = write_video(tmp_path / "a.mp4", numbered_frames(12))
    made = reencode(sample(source, Box(0, 0, 48, 64)), tmp_path / "b.mp4", crf=23, scale=scale)
    before, after = times_and_size(source), times_and_size(made.path)
    np.testing.assert_allclose(after[0], before[0], atol=1e-3)
    assert after[1:] == (size, "h264")
    assert made.panel == Box(0, 0, 48 * scale, 64 * scale) and made.fake and made.source == "web"


def test_a_higher_crf_leaves_less(tmp_path):
    source = write_video(tmp_path / "a.mp4", [np.roll(face_picture(), 4 * step, axis=1) for step in range(10)])
    sizes = [
        reencode(sample(source), tmp_path / f"{crf}.mp4", crf=crf, scale=1).path.stat().st_size for crf in (23, 32, 40)
    ]
    assert sizes[0] > sizes[1] > sizes[2]


def test_clips_that_the_service_refuses_untouched_are_in_no_row(tmp_path):
    fake, real = (sample(write_video(tmp_path / f"{name}.mp4", face_frames(12))) for name in ("fake", "real"))
    frames = [Image.fromarray(pixels) for pixels in face_frames(4)]
    frames[0].save(tmp_path / "c.gif", save_all=True, append_images=frames[1:])
    clips = [fake, replace(real, fake=False), sample(tmp_path / "c.gif")]
    rows = clips_reencoded(clips, LoadedModel(FakeClassifier(), MANIFEST), 0.0)
    assert [row["what"] for row in rows] == ["untouched", *REENCODED]
    assert [row["files"] for row in rows] == [2] * len(rows)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_changes_change_a_picture_and_leave_it_what_it_shows(name):
    before = face_picture()
    after = HARMLESS[name](before, np.random.default_rng(0))
    assert after.dtype == np.uint8 and 0.6 < after.shape[0] / before.shape[0] < 1.1
    assert after.shape != before.shape or (after != compress(before, 95)).mean() > 0.3
    rows = np.linspace(0, after.shape[0] - 1, 40).astype(int)[:, None]
    columns = np.linspace(0, after.shape[1] - 1, 40).astype(int)[None]
    there = before[rows * before.shape[0] // after.shape[0], columns * before.shape[1] // after.shape[1]]
    assert np.corrcoef(after[rows, columns].ravel(), there.ravel())[0, 1] > 0.8


def masked(pictures: np.ndarray, masks: np.ndarray) -> Masked:
    """Fakes whose eyes lie in the upper half and whose mouth in the lower."""
    landmarks = np.array([[100, 90], [188, 90], [144, 150], [115, 200], [173, 200]], np.float32)
    samples = tuple(replace(sample(Path(f"{number}.png")), group=str(number)) for number in range(len(pictures)))
    return Masked(pictures, masks, np.repeat(landmarks[None], len(pictures), axis=0), samples)


@pytest.mark.parametrize(("rows", "insides"), [(slice(1, 4), [True, False]), (slice(4, 6), [False, True])])
def test_a_region_that_is_named_is_held_against_the_mask_of_the_fake(monkeypatch, rows, insides):
    masks = np.zeros((2, 288, 288, 1), np.float32)
    masks[0, :155] = 1  # the eyes
    masks[1, 155:] = 1  # the mouth
    fakes = masked(np.zeros((2, 288, 288, 3), np.float32), masks)
    monkeypatch.setattr("training.regions.blends", lambda samples: fakes)
    monkeypatch.setattr("training.regions.pairs", lambda samples, most: fakes)
    regions, outlines = region_games([], LoadedModel(PointsAt(rows, slice(1, 6)), MANIFEST), 0.2)
    for named in regions.values():
        assert [one.inside for one in named] == insides
        assert [one.other_inside for one in named] == insides[::-1]
    assert not any(outlines.values())


def test_an_outline_is_named_where_it_leads_over_eyes_and_mouth(monkeypatch):
    masks = np.zeros((1, 288, 288, 1), np.float32)
    masks[0, 60:228, 60:228] = 1
    fakes = masked(np.zeros((1, 288, 288, 3), np.float32), masks)
    monkeypatch.setattr("training.regions.blends", lambda samples: fakes)
    monkeypatch.setattr("training.regions.pairs", lambda samples, most: fakes)
    regions, outlines = region_games([], LoadedModel(PointsAt(slice(0, 7), 0), MANIFEST), 0.1)
    assert not any(regions.values())
    (named,) = outlines["dfdc pairs"]
    assert not named.inside and named.other_inside


def test_the_pointing_game_counts_peaks_inside_masks_that_can_tell():
    pictures = np.zeros((4, 288, 288, 3), np.float32)
    masks = np.zeros((4, 288, 288, 1), np.float32)
    masks[0, :144] = 1  # the upper half
    masks[1, 144:] = 1
    masks[2] = 1  # everywhere: every peak would be inside
    played = play("halves", masked(pictures, masks), LoadedModel(PointsAt(1, 3), MANIFEST))
    assert played["faces"] == 2 and played["peak inside"] == 0.5
    assert played["chance"] == pytest.approx(0.5, abs=0.1)


def test_names_of_files_tell_age_sex_and_origin():
    assert traits_of("00001A02.jpg") == ["age 0 to 2"]
    assert traits_of("26_1_2_20170116184024662.jpg.chip.jpg") == ["age 18 to 29", "UTKFace: women", "UTKFace: Asian"]
    assert traits_of("Aaron_Peirsol_0001.jpg") == []


def test_age_bands_meet_without_a_gap():
    bands = [age_band(age) for age in range(117)]
    assert bands[17] == "age 13 to 17" and bands[18] == "age 18 to 29" and bands[60] == bands[116] == "age 60 and more"
    assert len(set(bands)) == 7


def test_genuine_people_called_fake_are_counted_by_trait(tmp_path):
    listing = tmp_path / "stills.csv.gz"
    rows = [f"{number}{0:039},{number:05d}A{age:02d}.jpg" for number, age in enumerate((2, 2, 40, 40))]
    with gzip.open(listing, "wt") as stream:
        stream.write("\n".join(["blob,path", *rows]) + "\n")
    people = read_people(listing)
    files = [
        JudgedFile(f"{number}{0:015}", "all_age_faces", "", str(number), fake, "face_picture", logit)
        for number, (fake, logit) in enumerate([(False, 3.0), (False, -3.0), (False, -3.0), (True, 3.0)])
    ]
    table = {row["who"]: (row["files"], row["value"]) for row in real_called_fake_by_trait(files, people, 0.0)}
    assert table == {"age 0 to 2": (2, 0.5), "age 30 to 44": (1, 0.0)}
