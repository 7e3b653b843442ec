from __future__ import annotations

from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from backend.media.limits import MediaLimits
from backend.media.metadata import EDITORS, GENERATORS, OWN_FIELDS, Named, name_programs
from backend.media.opening import open_media
from tests.generators import face_picture, numbered_frames, write_video

LIMITS = MediaLimits(pixels=1_000_000, side=2_000)
OUR_NAMES = {*EDITORS, *GENERATORS, *OWN_FIELDS.values(), "generative AI", None}
WEB_UI = "a face\nNegative prompt: hat\nSteps: 20, Sampler: Euler a, CFG scale: 7"
XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description {}/></x:xmpmeta>'
NOTHING = Named(None, None)


def named_in(path: Path) -> Named:
    with open_media(path, 4, LIMITS) as (media, _):
        return Named(media.editor, media.generator)


def jpeg(folder: Path, **options: object) -> Path:
    path = folder / "picture.jpg"
    Image.fromarray(face_picture()).save(path, **options)
    return path


def png(folder: Path, **texts: str) -> Path:
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    path = folder / "picture.png"
    Image.fromarray(face_picture()).save(path, pnginfo=info)
    return path


def exif(tag: int, text: str | bytes, folder: int | None = None) -> Image.Exif:
    made = Image.Exif()
    (made.get_ifd(folder) if folder else made)[tag] = text
    return made


@pytest.mark.parametrize(
    ("software", "editor"),
    [
        ("Adobe Photoshop CC 2017 (Windows)", "Adobe Photoshop"),
        ("GIMP 2.10.34", "GIMP"),
        ("faceapp", "FaceApp"),
        ("17.1.2", None),  # what a phone writes
        ("HDR+ 1.0.540104767zdr", None),
        ("Gimpel camera", None),
    ],
)
def test_editors_are_named_by_exif(tmp_path, software, editor):
    assert named_in(jpeg(tmp_path, exif=exif(0x0131, software))) == Named(editor, None)


@pytest.mark.parametrize(
    ("texts", "generator"),
    [
        ({"parameters": WEB_UI}, "Stable Diffusion"),
        ({"prompt": '{"3": {"class_type": "KSampler"}}'}, "ComfyUI"),
        ({"workflow": '{"last_node_id": 9, "nodes": []}'}, "ComfyUI"),
        ({"Software": "NovelAI"}, "NovelAI"),
        ({"invokeai_metadata": "{}"}, "InvokeAI"),
        ({"AIGC": '{"Label": "1"}'}, OWN_FIELDS["aigc"]),
        ({"prompt": "a word to the reader", "Comment": "Steps: 20 to the left"}, None),
        ({"Title": "Sora, Midjourney and Runway"}, None),  # a title names no program
    ],
)
def test_generators_are_named_by_texts_of_a_png(tmp_path, texts, generator):
    assert named_in(png(tmp_path, **texts)) == Named(None, generator)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "latin-1"])
def test_generators_are_named_by_the_comment_in_exif(tmp_path, encoding):
    comment = b"UNICODE\0" + WEB_UI.encode(encoding)
    assert named_in(jpeg(tmp_path, exif=exif(0x9286, comment, 0x8769))).generator == "Stable Diffusion"


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ('xmp:CreatorTool="Adobe Firefly"', Named(None, "Adobe Firefly")),
        ('xmp:CreatorTool="Adobe Photoshop 25.0"', Named("Adobe Photoshop", None)),
        (
            'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"',
            Named(None, "generative AI"),
        ),
        (
            'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"',
            NOTHING,
        ),
        ('photoshop:Credit="Made with Google AI"', Named(None, "generative AI")),
        ("TC260:AIGC=\"{'Label': '1'}\"", Named(None, OWN_FIELDS["aigc"])),
        ('dc:title="Adobe Photoshop for beginners"', NOTHING),
    ],
)
def test_programs_are_named_by_xmp(tmp_path, attribute, expected):
    xmp = XMP.format(attribute)
    assert named_in(jpeg(tmp_path, xmp=xmp.encode())) == expected
    assert named_in(png(tmp_path, **{"XML:com.adobe.xmp": xmp})) == expected


def test_programs_are_named_by_the_container_of_a_video(tmp_path):
    path = write_video(tmp_path / "a.mp4", numbered_frames(12))
    assert named_in(path) == NOTHING  # FFmpeg's own name stands there
    marked = tmp_path / "b.mp4"
    options = {"movflags": "use_metadata_tags"}
    with av.open(str(path)) as source, av.open(str(marked), "w", options=options) as made:
        stream = made.add_stream_from_template(source.streams.video[0])
        made.metadata["AIGC"] = '{"Label": "1"}'
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    assert named_in(marked) == Named(None, OWN_FIELDS["aigc"])


def test_a_picture_without_metadata_names_nothing(tmp_path):
    assert named_in(jpeg(tmp_path)) == named_in(png(tmp_path)) == NOTHING


@given(st.dictionaries(st.sampled_from(["Software", "encoder", "prompt", "Comment", "xmp", "x"]), st.text()))
def test_names_are_ours_whatever_is_written(texts):
    named = name_programs(texts)
    assert named.editor in OUR_NAMES and named.generator in OUR_NAMES


def test_a_very_long_text_is_looked_at_no_further_than_its_beginning():
    assert name_programs({"Software": " " * 70_000 + "GIMP"}) == NOTHING
    assert name_programs({"Software": " " * 60_000 + "GIMP"}).editor == "GIMP"
