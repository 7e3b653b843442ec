from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.errors import MediaTooComplex, UnreadableMedia
from backend.media.limits import MediaLimits
from backend.media.pictures import read_picture
from tests.generators import face_picture, write_picture

LIMITS = MediaLimits(pixels=1_000_000, side=2_000)

UPRIGHT = np.zeros((48, 80, 3), np.uint8)
UPRIGHT[:24, :40] = (255, 0, 0)
UPRIGHT[:24, 40:] = (0, 255, 0)
UPRIGHT[24:, :40] = (0, 0, 255)
UPRIGHT[24:, 40:] = (255, 255, 255)

STORED = {  # how a camera stores an upright scene for each EXIF orientation
    1: lambda scene: scene,
    2: lambda scene: scene[:, ::-1],
    3: lambda scene: scene[::-1, ::-1],
    4: lambda scene: scene[::-1],
    5: lambda scene: scene.transpose(1, 0, 2),
    6: lambda scene: np.rot90(scene, 1),
    7: lambda scene: scene[::-1, ::-1].transpose(1, 0, 2),
    8: lambda scene: np.rot90(scene, -1),
}


def saved(tmp_path: Path, image: Image.Image, kind: str, **options: object) -> Path:
    path = tmp_path / f"picture.{kind}"
    image.save(path, **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(tmp_path, orientation):
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](UPRIGHT)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, stored, "png", exif=exif)
    media, frame = read_picture(path, "png", LIMITS)
    np.testing.assert_array_equal(frame.pixels, UPRIGHT)
    assert (media.width, media.height) == (80, 48)


def test_a_jpeg_is_read_in_rgb(tmp_path):
    path = write_picture(tmp_path / "face.jpg", face_picture())
    media, frame = read_picture(path, "jpeg", LIMITS)
    assert frame.pixels.shape == (512, 512, 3) and frame.pixels.dtype == np.uint8
    assert np.abs(frame.pixels.astype(int) - face_picture()).mean() < 4
    assert (media.kind, media.codec, media.rotation, media.duration) == ("picture", "jpeg", 0, None)


def test_transparent_parts_are_shown_over_grey(tmp_path):
    pixels = np.full((10, 10, 4), 200, np.uint8)
    pixels[:, :5, 3], pixels[:, 5:, 3] = 0, 255
    _, frame = read_picture(write_picture(tmp_path / "a.png", pixels), "png", LIMITS)
    assert (frame.pixels[:, :5] == 128).all() and (frame.pixels[:, 5:] == 200).all()


def test_sixteen_bits_are_brought_to_eight(tmp_path):
    path = write_picture(tmp_path / "deep.png", np.full((8, 8), 0x80FF, np.uint16))
    _, frame = read_picture(path, "png", LIMITS)
    assert frame.pixels.shape == (8, 8, 3) and (frame.pixels == 0x80).all()


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_rgb(tmp_path, mode):
    grey = Image.fromarray(np.full((9, 7), 255, np.uint8))
    image = Image.fromarray(np.full((9, 7), 65535, np.uint16)) if mode == "I;16" else grey.convert(mode)
    _, frame = read_picture(saved(tmp_path, image, "png"), "png", LIMITS)
    assert frame.pixels.shape == (9, 7, 3) and (frame.pixels == 255).all()


def test_a_cmyk_jpeg_becomes_rgb(tmp_path):
    image = Image.fromarray(face_picture()).convert("CMYK")
    _, frame = read_picture(saved(tmp_path, image, "jpg"), "jpeg", LIMITS)
    assert np.abs(frame.pixels.astype(int) - face_picture()).mean() < 12


@pytest.mark.parametrize("size", [(1000, 1000), (2000, 500)])
def test_a_picture_at_the_limits_is_read(tmp_path, size):
    media, _ = read_picture(saved(tmp_path, Image.new("L", size), "png"), "png", LIMITS)
    assert (media.width, media.height) == size


@pytest.mark.parametrize("size", [(1001, 1000), (2001, 400)])
def test_a_picture_beyond_the_limits_is_refused_by_its_header(tmp_path, size):
    path = saved(tmp_path, Image.new("L", size), "png")
    path.write_bytes(path.read_bytes()[:60])  # hardly more than the header: nothing is left to be decoded
    with pytest.raises(MediaTooComplex, match=f"{size[0]} x {size[1]} pixels; at most 1 megapixels and 2000"):
        read_picture(path, "png", LIMITS)


@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("length", [3, 12, 30])
def test_a_picture_cut_off_in_its_header_is_unreadable(tmp_path, kind, length):
    buffer = io.BytesIO()
    Image.fromarray(face_picture()).save(buffer, kind)
    path = tmp_path / "cut"
    path.write_bytes(buffer.getvalue()[:length])
    with pytest.raises(UnreadableMedia):
        read_picture(path, kind, LIMITS)
