"""Files that hurt careless services, and unusual ones that people really have; all made here, none from elsewhere.

Each case says which answers are right. A file may be accepted or refused, but always answered, in words.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.codec.context import Flags
from PIL import Image

from tests.generators import face_frames, face_picture, numbered_frames, set_rotation, write_sound, write_video

ACCEPTED = frozenset({"200"})
WRONG_TYPE = frozenset({"415 unsupported_type"})
UNREADABLE = frozenset({"422 unreadable_media"})
TOO_COMPLEX = frozenset({"422 media_too_complex"})
DAMAGED = ACCEPTED | UNREADABLE | TOO_COMPLEX | {"422 no_video_stream"}
BIT_FLIPS = 150  # of each kind of file
EDIT_SECOND = 12_800  # of a clip's track; its edit list begins where it says, in these units
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Case:
    """A file to be posted: a name for reports, the upload's own name, its bytes, and the answers that are right."""

    name: str
    filename: str
    data: bytes
    right: frozenset[str]


def all_cases(seed: int) -> Iterator[Case]:
    """Every case, in a fixed order."""
    yield from not_media()
    yield from pictures_people_have()
    yield from hostile_pictures()
    yield from videos_people_have()
    yield from hostile_videos()
    yield from damaged(seed)


def not_media() -> Iterator[Case]:
    """What is no video and no picture, under allowed names, and media under others."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("clip.mp4", jpeg())
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    yield Case("text", "a.mp4", b"This is not a video.\n" * 100, WRONG_TYPE)
    yield Case("playlist", "a.mp4", playlist, WRONG_TYPE)
    yield Case("playlist as avi", "a.avi", playlist, WRONG_TYPE)
    yield Case("concat script", "a.mov", b"ffconcat version 1.0\nfile /etc/passwd\n", WRONG_TYPE)
    yield Case("svg", "a.png", b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', WRONG_TYPE)
    yield Case("html", "a.jpg", b"<!doctype html><script>alert(1)</script>", WRONG_TYPE)
    yield Case("archive", "a.mp4", archive.getvalue(), WRONG_TYPE)
    yield Case("executable", "a.jpg", b"\x7fELF\x02\x01\x01" + bytes(200), WRONG_TYPE)
    yield Case("zeros", "a.mp4", bytes(10_000), WRONG_TYPE)
    yield Case("empty", "a.mp4", b"", UNREADABLE)
    yield Case("picture and archive in one", "a.jpg", jpeg() + archive.getvalue(), ACCEPTED)
    yield Case("picture with a script behind", "a.png", png() + b"<script>alert(1)</script>", ACCEPTED)
    yield Case("picture called video", "a.mp4", jpeg(), ACCEPTED)
    yield Case("picture called html", "a.html", jpeg(), WRONG_TYPE)
    yield Case("name with a path", "../../etc/passwd.jpg", jpeg(), ACCEPTED)
    yield Case("name with a zero byte", "a\x00b.jpg", jpeg(), ACCEPTED | WRONG_TYPE | {"400 bad_request"})
    yield Case("very long name", "a" * 5000 + ".jpg", jpeg(), ACCEPTED)
    yield Case("name in many scripts", "видео 视频 🎬.jpg", jpeg(), ACCEPTED)


def pictures_people_have() -> Iterator[Case]:
    """Every colour kind, depth and orientation."""
    grey = Image.fromarray(face_picture()).convert("L")
    for mode in ("L", "LA", "P", "1", "RGBA", "RGB"):
        yield Case(f"png {mode}", "a.png", encoded(grey.convert(mode), "png"), ACCEPTED)
    deep = Image.fromarray((np.asarray(grey, np.uint16) << 8).astype(np.uint16))
    yield Case("png 16 bit", "a.png", encoded(deep, "png"), ACCEPTED)
    yield Case("png interlaced", "a.png", interlaced_png(), ACCEPTED)
    for mode in ("L", "CMYK", "RGB"):
        yield Case(f"jpeg {mode}", "a.jpg", encoded(grey.convert(mode), "jpeg"), ACCEPTED)
    yield Case("jpeg progressive", "a.jpg", encoded(grey, "jpeg", progressive=True), ACCEPTED)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield Case(f"orientation {orientation}", "a.jpg", encoded(grey, "jpeg", exif=exif), ACCEPTED)
    frames = [grey.convert("RGB")] * 3
    yield Case("png animated", "a.png", encoded(frames[0], "png", save_all=True, append_images=frames[1:]), ACCEPTED)
    yield Case("one pixel", "a.png", encoded(Image.new("RGB", (1, 1)), "png"), ACCEPTED)
    yield Case("one line", "a.png", encoded(Image.new("RGB", (9000, 1)), "png"), ACCEPTED)


def hostile_pictures() -> Iterator[Case]:
    """Pictures that lie about their size or their parts."""
    for side in (16_385, 30_000, 65_500, 2**31 - 1):
        yield Case(f"png of {side} pixels a side", "a.png", lying_png(side, side), TOO_COMPLEX | UNREADABLE)
    yield Case("png of 16000 pixels a side", "a.png", lying_png(16_000, 16_000), TOO_COMPLEX)
    yield Case("png of no size", "a.png", lying_png(0, 0), UNREADABLE)
    for side in (16_385, 65_500):
        yield Case(f"jpeg of {side} pixels a side", "a.jpg", lying_jpeg(side), TOO_COMPLEX)
    yield Case("png chunk longer than the file", "a.png", png()[:33] + b"\x7f\xff\xff\xffIDAT" + bytes(50), DAMAGED)
    yield Case(
        "png that unpacks to much", "a.png", lying_png(4000, 4000, zlib.compress(bytes(200_000_000), 9)), DAMAGED
    )
    comment = b"Comment\x00\x00" + zlib.compress(bytes(200_000_000), 9)
    yield Case("png comment that unpacks to much", "a.png", png_with(b"zTXt", comment), DAMAGED)
    noise = np.random.default_rng(0).bytes(100_000)
    yield Case("credentials of noise", "a.png", png_with(b"caBX", b"c2pa" + noise), ACCEPTED)
    yield Case("credentials of boxes in boxes", "a.png", png_with(b"caBX", nested_credentials(20_000)), ACCEPTED)
    yield Case("jpeg of very many scans", "a.jpg", many_scans(2_000), DAMAGED)
    yield Case("jpeg of markers only", "a.jpg", b"\xff\xd8\xff" + b"\xfe\x00\x02\xff" * 100_000, UNREADABLE)


def videos_people_have() -> Iterator[Case]:
    """Codecs, containers and shapes from phones, cameras and editors."""
    kinds: list[tuple[str, str, str, str]] = [
        ("h264", "a.mp4", "libx264", "yuv420p"),
        ("h264 in quicktime", "a.mov", "libx264", "yuv420p"),
        ("h264 in avi", "a.avi", "libx264", "yuv420p"),
        ("h264 10 bit", "a.mp4", "libx264", "yuv420p10le"),
        ("h264 4:4:4", "a.mp4", "libx264", "yuv444p"),
        ("hevc", "a.mp4", "libx265", "yuv420p"),
        ("hevc 10 bit", "a.mov", "libx265", "yuv420p10le"),
        ("vp9", "a.mp4", "libvpx-vp9", "yuv420p"),
        ("av1", "a.mp4", "libsvtav1", "yuv420p"),
        ("prores", "a.mov", "prores_ks", "yuv422p10le"),
        ("mjpeg", "a.avi", "mjpeg", "yuvj420p"),
        ("mpeg4", "a.avi", "mpeg4", "yuv420p"),
    ]
    for name, filename, codec, pixel_format in kinds:
        yield Case(name, filename, video(filename, codec=codec, pixel_format=pixel_format), ACCEPTED)
    xvid = video("a.avi", codec="mpeg4").replace(b"FMP4", b"XVID")
    yield Case("xvid", "a.avi", xvid, ACCEPTED)
    small, large = photograph(320, 240), photograph(640, 480)
    for filename in ("a.avi", "a.mov"):
        growing = motion_jpeg(filename, [small] * 15 + [large] * 15)
        yield Case(f"{filename} of changing size", filename, growing, ACCEPTED)
    later = patched(video("a.mp4"), b"elst", 16, EDIT_SECOND // 2)
    yield Case("edit list that begins later", "a.mp4", later, ACCEPTED)
    yield Case("one frame", "a.mp4", video("a.mp4", count=1), ACCEPTED)
    yield Case("two pixels wide", "a.mp4", small_video(height=64, width=2), ACCEPTED)
    fragmented = {"container_options": {"movflags": "frag_keyframe+empty_moov"}}
    yield Case("fragmented", "a.mp4", video("a.mp4", **fragmented), ACCEPTED)
    yield Case("index first", "a.mp4", video("a.mp4", container_options={"movflags": "faststart"}), ACCEPTED)
    for degrees in (90, 180, 270):
        yield Case(
            f"turned by {degrees}", "a.mp4", with_file(lambda path, by=degrees: set_rotation(made(path), by)), ACCEPTED
        )


def hostile_videos() -> Iterator[Case]:
    """Videos that lie about counts, times and sizes, or have nothing to look at."""
    good = video("a.mp4")
    yield Case("sound alone", "a.mp4", with_file(write_sound), frozenset({"422 no_video_stream"}))
    for box, offset, name in ((b"mvhd", 20, "duration of the film"), (b"mdhd", 20, "duration of the track")):
        for value in (0, 2**31 - 1, 2**32 - 1):
            yield Case(f"{name} {value}", "a.mp4", patched(good, box, offset, value), DAMAGED)
    yield Case("time scale of zero", "a.mp4", patched(good, b"mdhd", 16, 0), DAMAGED)
    for value in (0, 2**31 - 1, 2**32 - 1):
        yield Case(f"sample count {value}", "a.mp4", patched(good, b"stsz", 12, value), DAMAGED)
        yield Case(f"time entries {value}", "a.mp4", patched(good, b"stts", 8, value), DAMAGED)
        yield Case(f"chunk offset {value}", "a.mp4", patched(good, b"stco", 12, value), DAMAGED)
        for offset, name in ((8, "count"), (12, "duration"), (16, "begin"), (20, "rate")):
            yield Case(f"{name} of edits {value}", "a.mp4", patched(good, b"elst", offset, value), DAMAGED)
    old = video("a.avi", codec="mpeg4")
    for value in (0, 2**31 - 1, 2**32 - 1):
        for list_, offset, name in ((b"strh", 28, "scale"), (b"strh", 32, "rate"), (b"strf", 12, "width")):
            yield Case(f"avi {name} {value}", "a.avi", patched(old, list_, offset, value, "<"), DAMAGED)
    wide, small = encoded(Image.new("RGB", (16_400, 16)), "jpeg"), photograph(320, 240)
    yield Case("frames too wide", "a.avi", motion_jpeg("a.avi", [wide] * 3), TOO_COMPLEX)
    yield Case("frames that become too wide", "a.mov", motion_jpeg("a.mov", [small] * 15 + [wide] * 15), TOO_COMPLEX)
    lying = motion_jpeg("a.mov", [small] * 15 + [lying_jpeg(65_500)] * 15)
    yield Case("frames that claim to become huge", "a.mov", lying, DAMAGED)
    yield Case("box of no end", "a.mp4", good[:4] + good[4:].replace(b"moov", b"mo0v"), DAMAGED)
    yield Case("boxes in boxes", "a.mp4", nested_boxes(20_000), UNREADABLE)
    yield Case("avi of no frames", "a.avi", b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(4000), UNREADABLE)


def damaged(seed: int) -> Iterator[Case]:
    """Good files cut short and with bits flipped."""
    random = np.random.default_rng(seed)
    good = {
        "a.jpg": jpeg(),
        "a.png": png(),
        "a.mp4": video("a.mp4"),
        "a.avi": video("a.avi", codec="mpeg4"),
    }
    for filename, data in good.items():
        for share in (0.01, 0.1, 0.3, 0.5, 0.9, 0.99):
            yield Case(f"{filename} cut to {share}", filename, data[: int(len(data) * share)], DAMAGED | WRONG_TYPE)
        for place in range(BIT_FLIPS):
            flipped = np.frombuffer(data, np.uint8).copy()
            reach = min(len(flipped), 2000) if place % 2 else len(flipped)  # half of them in the header
            for at in random.integers(0, reach, random.integers(1, 20)):
                flipped[at] ^= 1 << random.integers(0, 8)
            yield Case(f"{filename} flipped {place}", filename, flipped.tobytes(), DAMAGED | WRONG_TYPE)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """A picture as Pillow writes it."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@cache
def jpeg() -> bytes:
    """A photograph of a face."""
    return encoded(Image.fromarray(face_picture()), "jpeg")


@cache
def png() -> bytes:
    """The same, small."""
    return encoded(Image.fromarray(face_picture()).resize((160, 160)), "png")


@cache
def photograph(width: int, height: int) -> bytes:
    """A photograph of a face as a JPEG of a size."""
    return encoded(Image.fromarray(face_picture()).resize((width, height)), "jpeg")


def interlaced_png() -> bytes:
    """A PNG in seven passes, as Pillow writes none."""
    context = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt = 160, 160, "rgb24"
    context.time_base = Fraction(1, 25)
    context.flags |= Flags.interlaced_dct
    pixels = np.asarray(Image.fromarray(face_picture()).resize((160, 160)))
    packets = [*context.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")), *context.encode(None)]
    return b"".join(map(bytes, packets))


def motion_jpeg(filename: str, pictures: Sequence[bytes]) -> bytes:
    """A clip of these JPEGs, whatever the size of each; the container tells that of the first."""

    def write(path: Path) -> Path:
        with av.open(str(path), "w") as sink:
            stream = sink.add_stream("mjpeg", rate=25)
            stream.width, stream.height = Image.open(io.BytesIO(pictures[0])).size
            stream.pix_fmt = "yuvj420p"
            for place, picture in enumerate(pictures):
                packet = av.Packet(picture)
                packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 25), True
                packet.pts = packet.dts = place
                sink.mux(packet)
        return path

    return with_file(write, filename)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def lying_png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose header claims a size that its data does not have."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return PNG_SIGNATURE + header + chunk(b"IDAT", data or zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def png_with(kind: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk, behind its header."""
    head, rest = png()[:33], png()[33:]
    return head + chunk(kind, data) + rest


def lying_jpeg(side: int) -> bytes:
    """A JPEG whose frame header claims so many pixels a side."""
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", side, side)
    return bytes(data)


def many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = encoded(Image.fromarray(face_picture()).convert("L"), "jpeg", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def video(filename: str, count: int = 30, **options: object) -> bytes:
    """A clip of a face that moves."""
    return with_file(lambda path: write_video(path, face_frames(count), **options), filename)


def small_video(height: int, width: int) -> bytes:
    """A clip of an odd shape."""
    return with_file(lambda path: write_video(path, numbered_frames(10, height, width)))


def made(path: Path) -> Path:
    """A clip in a file."""
    return write_video(path, face_frames(30))


def with_file(write: Callable[[Path], Path], filename: str = "a.mp4") -> bytes:
    """The bytes of what is written to a file."""
    with TemporaryDirectory() as folder:
        return write(Path(folder) / filename).read_bytes()


def patched(data: bytes, box: bytes, offset: int, value: int, order: str = ">") -> bytes:
    """A file with a field of a box, so many bytes behind its name, set to a value of 32 bits."""
    at = data.index(box) + offset
    return data[:at] + struct.pack(f"{order}I", value) + data[at + 4 :]


def nested_boxes(depth: int) -> bytes:
    """Boxes within boxes."""
    inner = b""
    for _ in range(depth):
        inner = struct.pack(">I", 8 + len(inner)) + b"moov" + inner
    return b"\x00\x00\x00\x10ftypisom\x00\x00\x02\x00" + inner


def nested_credentials(depth: int) -> bytes:
    """Superboxes of JUMBF within superboxes, each described as a manifest store."""
    described = b"jumdc2pa" + bytes.fromhex("00110010800000aa00389b71") + b"\x03c2pa\x00"
    described = struct.pack(">I", 4 + len(described)) + described
    inner = 8 + len(described)
    return b"".join(struct.pack(">I", inner * left) + b"jumb" + described for left in range(depth, 0, -1))
