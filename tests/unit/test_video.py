from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from backend.domain import Frame, Media
from backend.errors import MediaTooComplex, NoVideoStream, UnreadableMedia
from backend.media import video
from backend.media.instants import choose_instants
from backend.media.limits import MediaLimits
from backend.media.video import open_video
from tests.generators import frame_number, numbered_frames, set_rotation, write_sound, write_video

LIMITS = MediaLimits(pixels=1_000_000, side=2_000)
NO_PICTURE = b"\0\0\0\5\x06\x05\x01\0\x80"  # H.264 with a message to whom it may concern (SEI) and nothing else


def read(path: Path, instants: int = 16, limits: MediaLimits = LIMITS) -> tuple[Media, list[Frame]]:
    container = "avi" if path.suffix == ".avi" else "mp4"
    with open_video(path, container, instants, limits) as (media, frames):
        return media, list(frames)


@pytest.mark.parametrize("key_every", [1, 7, 25, 1000])
@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("instants", [4, 16])
def test_the_frames_are_those_of_their_times_wherever_key_frames_lie(tmp_path, key_every, b_frames, instants):
    path = write_video(
        tmp_path / "a.mp4", numbered_frames(60), key_every=key_every, codec_options={"bf": str(b_frames), "crf": "10"}
    )
    _, frames = read(path, instants)
    assert instants <= len(frames) <= instants + 4
    assert [round(frame.time * 25) for frame in frames] == [frame_number(frame.pixels) for frame in frames]


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9", "libsvtav1"])
def test_frames_before_a_jump_are_the_very_ones_that_were_chosen(tmp_path, codec):
    path = write_video(tmp_path / "a.mp4", numbered_frames(60), codec=codec, key_every=20)
    _, frames = read(path, 6)
    wanted = choose_instants([place / 25 for place in range(60)], [place % 20 == 0 for place in range(60)], 6)
    times = [round(frame.time * 25) for frame in frames if not frame.follows]
    assert times == [instant.index for instant in wanted] == [0, 3, 20, 23, 40, 43]
    assert [round(frame.time * 25) for frame in frames] == [frame_number(frame.pixels) for frame in frames]


def test_where_the_chosen_packet_holds_no_picture_a_later_frame_is_taken(tmp_path):
    path = tmp_path / "a.mp4"
    with (
        av.open(
            str(write_video(tmp_path / "whole.mp4", numbered_frames(60), key_every=30, codec_options={"bf": "0"}))
        ) as source,
        av.open(str(path), "w") as sink,
    ):
        stream = sink.add_stream_from_template(source.streams.video[0])
        for place, packet in enumerate(source.demux(source.streams.video[0])):
            if packet.dts is None:
                continue
            kept = packet
            if place == 4:
                kept = av.Packet(NO_PICTURE)
                kept.pts, kept.dts, kept.time_base = packet.pts, packet.dts, packet.time_base
            kept.stream = stream
            sink.mux(kept)
    _, frames = read(path, 4)
    assert [round(frame.time * 25) for frame in frames if not frame.follows] == [0, 5, 30, 34]


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.avi", "mpeg4"), ("a.avi", "mjpeg"), ("a.avi", "libx264"), ("a.mov", "mjpeg"), ("a.mp4", "mpeg4")],
)
def test_every_container_gives_right_times(tmp_path, name, codec):
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_video(tmp_path / name, numbered_frames(50), codec=codec, pixel_format=pixel_format)
    media, frames = read(path)
    assert media.duration == pytest.approx(2.0, abs=0.05)
    assert media.frames_per_second == pytest.approx(25, abs=0.5)
    assert [round(frame.time * 25) for frame in frames] == [frame_number(frame.pixels) for frame in frames]


def test_a_variable_frame_rate_is_sampled_by_time_not_by_count(tmp_path):
    times = [place / 25 for place in range(40)] + [1.6 + place for place in range(8)]
    _, frames = read(
        write_video(
            tmp_path / "a.mp4", numbered_frames(48), times=times, codec_options={"sc_threshold": "0"}, key_every=1000
        ),
        instants=4,
    )
    instants = [frame.time for frame in frames if not frame.follows]
    assert instants == pytest.approx([0, 3.6, 5.6, 7.6], abs=0.6)
    assert all(times[frame_number(frame.pixels)] == pytest.approx(frame.time, abs=0.002) for frame in frames)


def test_companions_are_the_very_next_frames(tmp_path):
    _, frames = read(write_video(tmp_path / "a.mp4", numbered_frames(60)))
    pairs = [(before, after) for before, after in pairwise(frames) if after.follows]
    assert len(pairs) == 2
    assert all(frame_number(after.pixels) == frame_number(before.pixels) + 1 for before, after in pairs)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_video_comes_out_upright(tmp_path, degrees):
    upright = np.zeros((64, 96, 3), np.uint8)
    upright[:32, :48] = 255
    stored = np.ascontiguousarray(np.rot90(upright, degrees // 90))
    path = set_rotation(write_video(tmp_path / "a.mp4", [stored] * 5), degrees)
    media, frames = read(path)
    assert (media.width, media.height, media.rotation) == (96, 64, degrees)
    assert np.abs(frames[0].pixels.astype(int) - upright).mean() < 4


def test_colours_are_right(tmp_path):
    red = np.zeros((64, 64, 3), np.uint8)
    red[:] = (200, 30, 60)
    _, frames = read(write_video(tmp_path / "a.mp4", [red] * 3))
    assert np.abs(frames[0].pixels.astype(int) - red).max() <= 6


def test_one_frame_is_a_video(tmp_path):
    media, frames = read(write_video(tmp_path / "a.mp4", numbered_frames(1)))
    assert len(frames) == 1 and media.duration == 0 and media.frames_per_second is None


def test_a_fragmented_file_is_read(tmp_path):
    options = {"movflags": "frag_keyframe+empty_moov"}
    _, frames = read(write_video(tmp_path / "a.mp4", numbered_frames(60), container_options=options))
    assert [round(frame.time * 25) for frame in frames] == [frame_number(frame.pixels) for frame in frames]


def test_only_sound_is_no_video(tmp_path):
    with pytest.raises(NoVideoStream):
        read(write_sound(tmp_path / "a.mp4"))


def test_frames_beyond_the_limits_are_refused(tmp_path):
    path = write_video(tmp_path / "a.mp4", numbered_frames(5, height=100, width=120))
    with pytest.raises(MediaTooComplex):
        read(path, limits=MediaLimits(pixels=11_999, side=2_000))
    assert len(read(path, limits=MediaLimits(pixels=12_000, side=120))[1]) == 5


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_a_file_cut_short_is_unreadable(tmp_path, share):
    path = write_video(tmp_path / "a.mp4", numbered_frames(50))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableMedia):
        read(path)


def test_a_fault_of_the_caller_is_not_taken_for_a_broken_file(tmp_path):
    path = write_video(tmp_path / "a.mp4", numbered_frames(5))
    with pytest.raises(EOFError), open_video(path, "mp4", 16, LIMITS):
        raise EOFError


def test_a_lack_of_memory_is_not_told_as_damage(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise av.error.MemoryError(12, "no memory")

    path = write_video(tmp_path / "a.mp4", numbered_frames(4))
    monkeypatch.setattr(video, "index_packets", fail)
    with pytest.raises(MemoryError):
        read(path)
