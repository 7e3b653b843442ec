"""Video files to Frames at chosen moments, decoding no more than they need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from backend.domain import Frame, Media, Pixels
from backend.errors import NoVideoStream, UnreadableMedia
from backend.media.instants import Wanted, choose_frames
from backend.media.limits import MediaLimits
from backend.media.pictures import rotate
from backend.media.signatures import Container

DEMUXERS: dict[Container, str] = {"mp4": "mov", "avi": "avi"}
HIGH_DEFINITION = 720  # lines: above, a video that does not say so is taken to be coloured by BT.709, else BT.601
UNSPECIFIED_COLORSPACE = 2  # AVCOL_SPC_UNSPECIFIED


@dataclass(frozen=True)
class PacketIndex:
    """What demuxing alone tells of a stream, in order of presentation and in units of its time base.

    `stamps` are those of the frames; `starts` are of the key frames from which each must be decoded.
    """

    stamps: tuple[int, ...]
    starts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded picture and the stamp under which it was wanted."""

    picture: VideoFrame
    stamp: int
    follows: bool


@contextmanager
def open_video(
    path: Path, container: Container, least_instants: int, limits: MediaLimits
) -> Iterator[tuple[Media, Iterator[Frame]]]:
    """Open a video: what it is, and its chosen frames in time order, decoded as they are asked for.

    Raises, also while frames are taken:
        NoVideoStream: it holds no moving picture.
        MediaTooComplex: its picture is larger than the limits.
        UnreadableMedia: it cannot be decoded.
    """
    with _decoding():
        source = av.open(str(path), format=DEMUXERS[container], options={"protocol_whitelist": "file"})
    with source:
        with _decoding():
            stream = _video_stream(source)
            limits.check(stream.codec_context.width, stream.codec_context.height)
            index = index_packets(source, stream)
        time_base = float(stream.time_base or 1)
        times = [(stamp - index.stamps[0]) * time_base for stamp in index.stamps]
        reordered_without_stamps = container == "avi" and stream.codec_context.has_b_frames
        decode = _decode_by_count if reordered_without_stamps else _decode_by_stamp
        decoded = decode(source, stream, index, choose_frames(times, least_instants))
        with _decoding():
            first = next(decoded, None)
        if first is None:
            raise UnreadableMedia("The video is damaged: none of its pictures can be decoded.")
        frames = _upright_frames(chain([first], decoded), index.stamps[0], time_base, limits)
        yield _describe(stream, container, times, first.picture), frames


@contextmanager
def _decoding() -> Iterator[None]:
    """Tell what FFmpeg says of a broken file in our own words."""
    try:
        yield
    except (av.FFmpegError, EOFError) as error:
        raise UnreadableMedia("The video is damaged: it cannot be decoded.") from error


def index_packets(source: InputContainer, stream: VideoStream) -> PacketIndex:
    """Read all packets of a stream without decoding; what the header claims of counts and durations is not used."""
    entries: list[tuple[int, int]] = []
    start: int | None = None
    for packet in source.demux(stream):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or packet.size == 0:
            continue
        if packet.is_keyframe or start is None:
            start = stamp
        if not packet.is_discard:
            entries.append((stamp, start))
    if not entries:
        raise UnreadableMedia("The video holds no pictures.")
    entries.sort()
    return PacketIndex(tuple(stamp for stamp, _ in entries), tuple(start for _, start in entries))


def _video_stream(source: InputContainer) -> VideoStream:
    for stream in source.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return stream
    raise NoVideoStream("The file holds no video: there is nothing to look at.")


def _decode_by_stamp(
    source: InputContainer, stream: VideoStream, index: PacketIndex, wanted: Sequence[Wanted]
) -> Iterator[Decoded]:
    """Decode the wanted frames, jumping to a key frame wherever that spares decoding."""
    decoder: Iterator[VideoFrame] | None = None
    position: int | None = None
    for want in wanted:
        stamp, start = index.stamps[want.index], index.starts[want.index]
        if decoder is None or position is None or start > position:
            source.seek(start, stream=stream)
            decoder = source.decode(stream)
        picture = next((picture for picture in decoder if picture.pts is not None and picture.pts >= stamp), None)
        if picture is None:
            return
        position = picture.pts
        yield Decoded(picture, stamp, want.follows)


def _decode_by_count(
    source: InputContainer, stream: VideoStream, index: PacketIndex, wanted: Sequence[Wanted]
) -> Iterator[Decoded]:
    """Decode the wanted frames from the beginning: for containers that do not say when reordered frames are shown."""
    source.seek(index.starts[0], stream=stream)
    following = iter(wanted)
    want = next(following, None)
    for count, picture in enumerate(source.decode(stream)):
        if want is None:
            return
        if count == want.index:
            yield Decoded(picture, index.stamps[count], want.follows)
            want = next(following, None)


def _upright_frames(decoded: Iterator[Decoded], zero: int, time_base: float, limits: MediaLimits) -> Iterator[Frame]:
    while True:
        with _decoding():
            taken = next(decoded, None)
            if taken is None:
                return
            limits.check(taken.picture.width, taken.picture.height)
            pixels = _upright_pixels(taken.picture)
        yield Frame((taken.stamp - zero) * time_base, pixels, taken.follows)


def _upright_pixels(picture: VideoFrame) -> Pixels:
    """(height, width, 3) uint8 RGB, by the picture's own colour matrix and rotation."""
    colorspace: int | Colorspace = picture.colorspace
    if colorspace == UNSPECIFIED_COLORSPACE:
        colorspace = Colorspace.ITU709 if picture.height >= HIGH_DEFINITION else Colorspace.ITU601
    pixels = picture.to_ndarray(format="rgb24", src_colorspace=colorspace)
    return rotate(np.asarray(pixels, np.uint8), clockwise_rotation(picture))


def clockwise_rotation(picture: VideoFrame) -> int:
    """Degrees, a multiple of 90, by which a picture must be turned clockwise to stand upright."""
    return round(-picture.rotation / 90) * 90 % 360


def _describe(stream: VideoStream, container: Container, times: Sequence[float], picture: VideoFrame) -> Media:
    rotation = clockwise_rotation(picture)
    width, height = (picture.width, picture.height)[:: 1 if rotation % 180 == 0 else -1]
    span = times[-1] - times[0]
    rate = (len(times) - 1) / span if span > 0 else None
    return Media(
        kind="video",
        container=container,
        codec=stream.codec_context.name,
        width=width,
        height=height,
        rotation=rotation,
        duration=span + 1 / rate if rate else 0.0,
        frames_per_second=rate,
    )
