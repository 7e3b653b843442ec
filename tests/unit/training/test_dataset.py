from __future__ import annotations

from dataclasses import replace

import pytest

from training.dataset import read_folders, split


def test_every_row_becomes_a_sample_with_its_box_and_landmarks(folder):
    samples = read_folders([folder])
    assert len(samples) == 14 and samples[0].box == (60, 40, 160, 200)
    assert samples[0].landmarks[2] == (140, 150) and samples[0].pair == "pair0"
    assert [sample.fake for sample in samples[:2]] == [False, True]


def test_no_group_is_on_both_sides_of_a_split(folder):
    training, held_back = split(read_folders([folder]))
    assert {sample.group for sample in held_back} == {"l3", "s3"}
    assert not {sample.group for sample in training} & {sample.group for sample in held_back}


def test_a_group_that_is_named_with_both_roles_goes_to_one_side_whole(folder):
    samples = [replace(sample, group="same") for sample in read_folders([folder])]
    training, held_back = split(samples)
    assert len(training) == 14 and held_back == []


def test_a_folder_without_an_index_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"index\.csv"):
        read_folders([tmp_path])
