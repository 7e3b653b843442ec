"""What the metadata of a file name: programs that edit pictures, and programs that generate them.

The names that are given on are ours, never text out of the file. Metadata are easily removed and easily forged: that
they name nothing says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

MOST_TEXT = 65_536  # characters of a field that are looked at
EXIF_FIELDS = {0x010E: "ImageDescription", 0x0131: "Software"}  # EXIF 2.32, section 4.6.4
EXIF_FOLDER, USER_COMMENT = 0x8769, 0x9286  # 4.6.3 and 4.6.5
SOFTWARE_FIELDS = frozenset({"software", "encoder"})  # of EXIF, PNG, and what FFmpeg calls it in videos

EDITORS = (
    "Adobe Photoshop",
    "Lightroom",
    "GIMP",
    "Affinity Photo",
    "Pixelmator",
    "Paint.NET",
    "Snapseed",
    "PicsArt",
    "Facetune",
    "FaceApp",
    "BeautyPlus",
    "Meitu",
    "Remini",
    "YouCam",
    "Canva",
    "CapCut",
    "After Effects",
    "Premiere Pro",
    "DaVinci Resolve",
)
GENERATORS = (
    "Stable Diffusion",
    "ComfyUI",
    "InvokeAI",
    "NovelAI",
    "Midjourney",
    "DALL-E",
    "Adobe Firefly",
    "Leonardo.Ai",
    "DreamStudio",
    "Fooocus",
    "FaceFusion",
    "DeepFaceLab",
    "DeepFaceLive",
    "Wav2Lip",
    "SadTalker",
    "HeyGen",
    "Synthesia",
    "D-ID",
    "Runway",
    "Kling",
    "Sora",
)
OWN_FIELDS = {  # fields that one program alone writes
    "invokeai_metadata": "InvokeAI",
    "sd-metadata": "InvokeAI",
    "dream": "InvokeAI",
    "fooocus_scheme": "Fooocus",
    "aigc": "a generator with China's AIGC label",  # TC260-PG-20258A
}
WEB_UI_SETTINGS = re.compile(r"\bSteps: \d+, (?:.*, )?Sampler: ", re.DOTALL)  # as Stable Diffusion's web interfaces do
COMFY_NODES = re.compile(r'"(?:class_type|last_node_id)"\s*:')
AI_SOURCE = re.compile(r"digitalsourcetype/(?:compositeWithT|t)rainedAlgorithmicMedia|Made with Google AI")  # in XMP
AIGC_IN_XMP = re.compile(r"\bTC260:AIGC\b")
CREATOR_TOOL = re.compile(r"xmp:CreatorTool(?:=\"|>)([^\"<]*)")


@dataclass(frozen=True)
class Named:
    """The programs that are named."""

    editor: str | None
    generator: str | None


def picture_texts(image: Image.Image) -> dict[str, str]:
    """The texts of a picture's metadata by field; of a PNG those before its pixels."""
    texts = {str(name): _as_text(text) for name, text in image.info.items() if isinstance(text, str | bytes)}
    exif = image.getexif()
    fields = {name: exif.get(tag) for tag, name in EXIF_FIELDS.items()}
    fields["UserComment"] = exif.get_ifd(EXIF_FOLDER).get(USER_COMMENT)
    return texts | {name: _as_text(text) for name, text in fields.items() if isinstance(text, str | bytes)}


def name_programs(texts: Mapping[str, str]) -> Named:
    """The programs that metadata name, by field and text."""
    fields = {name.lower(): text[:MOST_TEXT] for name, text in texts.items()}
    software = [text for name, text in fields.items() if name in SOFTWARE_FIELDS]
    software += [tool for text in fields.values() for tool in CREATOR_TOOL.findall(text)]
    return Named(editor=_first_named(EDITORS, software), generator=_generator(fields, software))


def _generator(fields: Mapping[str, str], software: list[str]) -> str | None:
    for name, generator in OWN_FIELDS.items():
        if name in fields:
            return generator
    everything = "\n".join(fields.values())
    if AIGC_IN_XMP.search(everything):
        return OWN_FIELDS["aigc"]
    if COMFY_NODES.search(fields.get("prompt", "") + fields.get("workflow", "")):
        return "ComfyUI"
    if WEB_UI_SETTINGS.search(everything):
        return "Stable Diffusion"
    return _first_named(GENERATORS, software) or ("generative AI" if AI_SOURCE.search(everything) else None)


def _first_named(names: tuple[str, ...], texts: list[str]) -> str | None:
    """The first of the names that stands as words of its own in one of the texts."""
    everything = "\n".join(texts)
    for name in names:
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", everything, re.IGNORECASE):
            return name
    return None


def _as_text(text: str | bytes) -> str:
    """A field as text; of two bytes a character, the lower ones, in which what is looked for is written."""
    return text if isinstance(text, str) else text.replace(b"\0", b"").decode("latin-1")
