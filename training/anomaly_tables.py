"""What the model card and the README tell of anomalies: tables out of `training/anomalies.json`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from training.words import percent, plain

MEANINGS = {
    "fake_span": "so many successive instants at which a face scores as fake",
    "evidence_region": "what makes a face score as fake lies around the eyes or the mouth, by so many logits",
    "faces_disagree": "fake probabilities of two faces differ by so much",
    "soft_face": "the surroundings have more fine detail than the face (log2 of the ratio)",
    "score_flicker": "the logit jumps by so much between frames less than 0.1 s apart",
    "unstable_score": "the fake probability moves by so much when the face is mirrored or looked at from closer",
    "turned_face": "the face is turned to a side (nose from between the eyes, in distances of the eyes)",
    "tilted_face": "the head is tilted (degrees)",
    "small_face": "the face is small (pixels, longer side)",
    "dark_face": "the face is dark (mean luma, 0 to 255)",
    "blurred_face": "the face is blurred (edges as a multiple of the contrast)",
    "heavy_compression": "few bits a pixel",
    "few_sightings": "a face was found at so small a share of the instants",
}
COLUMNS = {"face_video": "genuine clips", "face_picture": "genuine pictures"}


def kept_table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each anomaly that the service tells: when, and of how many genuine files."""
    yield "| code | meaning | " + " | ".join(f"told of {files} (at most)" for files in COLUMNS.values()) + " |"
    yield "| --- | --- |" + " --- |" * len(COLUMNS)
    for code, meaning in MEANINGS.items():
        kept = {row["basis"]: row for row in rows if row["code"] == code and row["kept"]}
        if kept:
            yield f"| `{code}` | {meaning} | " + " | ".join(_told(kept.get(basis)) for basis in COLUMNS) + " |"


def _told(row: dict[str, Any] | None) -> str:
    if row is None:
        return "-"
    side, rate = "below" if row["below"] else "from", row["told_of_real"]
    return f"{side} {row['threshold']:g}: {100 * rate['value']:.1f} % ({100 * rate['high']:.1f})"


def anomaly_table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each measurement that an anomaly could be made of."""
    yield "| code | basis | told | of genuine files | of fakes | proof | kept |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        side = "below" if row["below"] else "from"
        figure = row["figure"] if row["figure"]["files"] else None
        yield (
            f"| `{row['code']}` | {row['basis']} | {side} {row['threshold']:g} | {percent(row['told_of_real'])} | "
            f"{percent(row['told_of_fake'])} | {row['proof']}: {plain(figure)} | "
            f"{'yes' if row['kept'] else 'no'} |"
        )


def spoiled_table(steps: dict[str, dict[str, list[dict[str, Any]]]]) -> Iterator[str]:
    """A line for each way of making files worse: what is measured at each step, and the fakes that are missed there."""
    yield "| code | basis | what is measured then: fakes that are missed beyond those before |"
    yield "| --- | --- | --- |"
    for basis, by_code in steps.items():
        for code, taken in by_code.items():
            told = "; ".join(f"{step['bound']:.3g}: {percent(step['lost'])}" for step in taken)
            yield f"| `{code}` | {basis} | {told} |"


def region_table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """How often the region that is named lies where the fake was made."""
    yield "| code | fakes | faces with a region | region named inside the mask | the other |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        inside, other = (percent(row[place] if row["faces"] else None) for place in ("inside", "other"))
        yield f"| `{row['code']}` | {row['what']} | {row['faces']} | {inside} | {other} |"


def measured_files(files: dict[str, list[int]]) -> str:
    """Of how many files anomalies were measured."""
    (clips, fake_clips), (pictures, fake_pictures) = files["face_video"], files["face_picture"]
    return f"{clips} genuine and {fake_clips} fake clips, {pictures} genuine and {fake_pictures} fake pictures"
