"""What is known of the people on genuine pictures, from the names that their publishers gave to the files."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from training.judging import JudgedFile, as_judged
from training.metrics import called_fake, rate

ALL_AGE_FACES = re.compile(r"^\d{5}A(?P<age>\d{2})\.")  # number, A, age
UTKFACE = re.compile(r"^(?P<age>\d{1,3})_(?P<sex>[01])_(?P<origin>[0-4])_")  # age_sex_origin_date, by its authors
AGES = (0, 3, 13, 18, 30, 45, 60, 120)  # where bands begin, and the end
SEXES = ("men", "women")
ORIGINS = ("White", "Black", "Asian", "Indian", "other")  # UTKFace's own words; the nearest it has to skin tone
NAME_LENGTH = 16  # digits of a file's hash by which the lists name it


def read_people(listing: Path) -> dict[str, list[str]]:
    """The traits of each person whose picture a list (`stills.csv.gz`) names, by the stem of the file written from it.

    Traits are such as `age 18 to 29`, `women` and `UTKFace: Asian`.
    """
    people = {}
    with gzip.open(listing, "rt", newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            traits = traits_of(Path(row["path"]).name)
            if traits:
                people[row["blob"][:NAME_LENGTH]] = traits
    return people


def traits_of(name: str) -> list[str]:
    """What the name of a file of All-Age-Faces or UTKFace says; nothing of other names."""
    if found := ALL_AGE_FACES.match(name):
        return [age_band(int(found["age"]))]
    if found := UTKFACE.match(name):
        origin = f"UTKFace: {ORIGINS[int(found['origin'])]}"
        return [age_band(int(found["age"])), f"UTKFace: {SEXES[int(found['sex'])]}", origin]
    return []


def age_band(age: int) -> str:
    """The band of `AGES` that an age in years lies in."""
    place = int(np.searchsorted(AGES, age, side="right")) - 1
    last = place >= len(AGES) - 2
    return f"age {AGES[-2]} and more" if last else f"age {AGES[place]} to {AGES[place + 1] - 1}"


def real_called_fake_by_trait(
    pictures: Sequence[JudgedFile], people: dict[str, list[str]], threshold: float
) -> list[dict[str, Any]]:
    """How often genuine people of each trait are called fake."""
    known = [(file, people[file.name]) for file in pictures if not file.fake and file.name in people]
    bands = [age_band(age) for age in AGES[:-1]]
    others = sorted({trait for _, traits in known for trait in traits} - set(bands))
    rows = []
    for trait in (*bands, *others):
        files = as_judged([file for file, traits in known if trait in traits], {})
        if len(files):
            rows.append({"who": trait, **asdict(rate(files, lambda some: called_fake(some, threshold)))})
    return rows
