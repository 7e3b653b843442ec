"""Video files to Frames at chosen moments, decoding no more than they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from backend.domain import CLOSE, Frame, Media, Pixels
from backend.errors import NoVideoStream, UnreadableMedia
from backend.media.instants import Instant, choose_instants
from backend.media.limits import MediaLimits
from backend.media.metadata import Named, name_programs
from backend.media.pictures import rotate
from backend.media.signatures import Container

DEMUXERS: dict[Container, str] = {"mp4": "mov", "avi": "avi"}
HIGH_DEFINITION = 720  # lines: above, a video that does not say so is taken to be coloured by BT.709, else BT.601
SMALL = 640 * 480  # pixels: up to here a picture is decoded, and coloured, sooner than a thread is woken for it
UNSTEERED = "libdav1d"  # the decoder that is told but once, before it begins, what to skip
UNSPECIFIED_COLORSPACE = 2  # AVCOL_SPC_UNSPECIFIED


@dataclass(frozen=True)
class PacketIndex:
    """What demuxing alone tells of a stream, in order of presentation and in units of its time base.

    `stamps` are those of the frames; `starts` are of the key frames from which each must be decoded; `size` is that of
    all packets, in bytes.
    """

    stamps: tuple[int, ...]
    starts: tuple[int, ...]
    size: int

    @property
    def is_key(self) -> list[bool]:
        """Which frames are key frames."""
        return [stamp == start for stamp, start in zip(self.stamps, self.starts, strict=True)]


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded picture with its stamp."""

    picture: VideoFrame
    stamp: int
    follows: bool = False


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
        source = av.open(
            str(path), format=DEMUXERS[container], options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    with source:
        with _decoding():
            stream = _video_stream(source)
            if stream.codec_context is None:
                raise UnreadableMedia("The video is coded in a way that is not known here.")
            limits.check(stream.codec_context.width, stream.codec_context.height)
            index = index_packets(source, stream)
        time_base = float(stream.time_base or 1)
        times = [(stamp - index.stamps[0]) * time_base for stamp in index.stamps]
        if container == "avi" and stream.codec_context.has_b_frames:
            decoded = decode_by_count(source, stream, index, choose_instants(times, [], least_instants))
        else:
            decoded = decode_by_stamp(source, stream, index, choose_instants(times, index.is_key, least_instants))
        with _decoding():
            first = next(decoded, None)
        if first is None:
            raise UnreadableMedia("The video is damaged: none of its pictures can be decoded.")
        frames = _upright_frames(chain([first], decoded), index.stamps[0], time_base, limits)
        bits = 8 * index.size / (len(times) * first.picture.width * first.picture.height)
        yield _describe(stream, container, times, first.picture, bits, name_programs(source.metadata)), frames


@contextmanager
def _decoding() -> Iterator[None]:
    """Tell what FFmpeg says of a broken file in our own words."""
    try:
        yield
    except MemoryError:  # also FFmpeg's own, which says nothing of the file
        raise
    except (av.FFmpegError, EOFError) as error:
        raise UnreadableMedia("The video is damaged: it cannot be decoded.") from error


def index_packets(source: InputContainer, stream: VideoStream) -> PacketIndex:
    """Read all packets of a stream without decoding; what the header claims of counts and durations is not used."""
    entries: list[tuple[int, int]] = []
    start: int | None = None
    size = 0
    for packet in source.demux(stream):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or packet.size == 0:
            continue
        if packet.is_keyframe or start is None:
            start = stamp
        size += packet.size
        if not packet.is_discard:
            entries.append((stamp, start))
    if not entries:
        raise UnreadableMedia("The video holds no pictures.")
    entries.sort()
    return PacketIndex(tuple(stamp for stamp, _ in entries), tuple(start for _, start in entries), size)


def _video_stream(source: InputContainer) -> VideoStream:
    for stream in source.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    raise NoVideoStream("The file holds no video: there is nothing to look at.")


def decode_by_stamp(
    source: InputContainer, stream: VideoStream, index: PacketIndex, instants: Sequence[Instant]
) -> Iterator[Decoded]:
    """Decode the chosen frames, jumping to a key frame wherever that spares decoding.

    Frames that are neither wanted nor referred to by others are skipped.
    """
    context = stream.codec_context
    jumps = sum(index.starts[after.index] > index.stamps[before.index] for before, after in pairwise(instants))
    # Frame threads decode several frames before they give the first: a loss at every jump, a gain on a long run.
    context.thread_type = "SLICE" if 4 * jumps > len(instants) else "AUTO"
    if context.width * context.height <= SMALL:
        context.thread_count = 1
    if context.codec.name != UNSTEERED:
        context.skip_frame = "NONREF"
    within = round(CLOSE / float(stream.time_base or 1))
    pictures: Iterator[Decoded] = iter(())
    position: int | None = None
    held: Decoded | None = None
    for place, instant in enumerate(instants):
        stamp, start = index.stamps[instant.index], index.starts[instant.index]
        if position is None or start > position:
            source.seek(start, stream=stream)
            pictures, held = _pictures(source, stream, _wanted_before_jump(index, instants[place:])), None
        found = held if held and held.stamp >= stamp else _first_from(stamp, pictures)
        if found is None:  # its packet holds no picture: a later one may do
            source.seek(start, stream=stream)
            pictures = _pictures(source, stream, set())
            found = _first_from(stamp, pictures)
        if found is None:
            return
        position, held = found.stamp, None
        yield found
        if instant.companion:
            held = next(pictures, None)
            if held and held.stamp - position <= within:
                yield Decoded(held.picture, held.stamp, follows=True)


def decode_by_count(
    source: InputContainer, stream: VideoStream, index: PacketIndex, instants: Sequence[Instant]
) -> Iterator[Decoded]:
    """Decode from the beginning and count: for containers that do not say when reordered frames are shown."""
    stream.codec_context.thread_type = "AUTO"
    source.seek(index.starts[0], stream=stream)
    follows = {instant.index: False for instant in instants}
    follows |= {instant.index + 1: True for instant in instants if instant.companion}
    for picture, (place, stamp) in zip(source.decode(stream), enumerate(index.stamps), strict=False):
        if place in follows:
            yield Decoded(picture, stamp, follows[place])
        if place == max(follows):
            return


def _wanted_before_jump(index: PacketIndex, instants: Sequence[Instant]) -> set[int]:
    """The stamps of the first instants, and of their companions, that are decoded without a jump."""
    wanted: set[int] = set()
    position = index.stamps[instants[0].index]
    for instant in instants:
        if index.starts[instant.index] > position:
            break
        position = index.stamps[instant.index]
        wanted |= set(index.stamps[instant.index : instant.index + (2 if instant.companion else 1)])
    return wanted


def _pictures(source: InputContainer, stream: VideoStream, wanted: set[int]) -> Iterator[Decoded]:
    """Decode on from where the source stands, as far as the last of the wanted stamps; none of these is skipped.

    There the decoder is drained, else it would wait for what could yet have to be shown before. Where no stamps are
    named, to the end.
    """
    context = stream.codec_context
    usual, left = context.skip_frame, set(wanted)
    for packet in source.demux(stream):
        if packet.pts not in left:
            yield from _stamped(context.decode(packet))
            continue
        left.remove(packet.pts)
        pictures = []
        context.skip_frame = "DEFAULT"
        with suppress(av.InvalidDataError):  # where the packet holds no picture; damage is told when it is tried again
            pictures += context.decode(packet)
        context.skip_frame = usual
        if not left:
            pictures += context.decode(None)
            context.flush_buffers()
        yield from _stamped(pictures)
        if not left:
            return


def _first_from(stamp: int, pictures: Iterator[Decoded]) -> Decoded | None:
    return next((picture for picture in pictures if picture.stamp >= stamp), None)


def _stamped(pictures: Iterable[VideoFrame]) -> Iterator[Decoded]:
    return (Decoded(picture, picture.pts) for picture in pictures if picture.pts is not None)


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
    threads = 1 if picture.width * picture.height <= SMALL else 0  # 0: as many as there are cores
    pixels = picture.to_ndarray(format="rgb24", src_colorspace=colorspace, threads=threads)
    return rotate(np.asarray(pixels, np.uint8), clockwise_rotation(picture))


def clockwise_rotation(picture: VideoFrame) -> int:
    """Degrees, a multiple of 90, by which a picture must be turned clockwise to stand upright."""
    return round(-picture.rotation / 90) * 90 % 360


def _describe(
    stream: VideoStream,
    container: Container,
    times: Sequence[float],
    picture: VideoFrame,
    bits_per_pixel: float,
    named: Named,
) -> Media:
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
        bits_per_pixel=bits_per_pixel,
        editor=named.editor,
        generator=named.generator,
    )
