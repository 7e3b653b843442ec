from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from training.autoencoder import Autoencoder
from training.averaging import assign, average, weights_of
from training.config import TrainingConfig
from training.dataset import read_folders, split
from training.faces import load_faces
from training.learning import Learner, change_masks, optimiser
from training.network import build_network
from training.sampling import BatchSampler, find_pairs, single_chances, units
from training.self_blending import draw_masks, self_blend

CONFIG = TrainingConfig(pairs=1, self_blended=1, singles=2, epoch_steps=2, coded_share=0, transplanted_share=0.5)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_network()


@pytest.fixture
def faces(folder):
    training, _ = split(read_folders([folder]))
    return load_faces(training, "test")


def grey() -> Autoencoder:
    """Networks of an autoencoder's shapes, which make everything grey."""
    pictures, latents = keras.Input((None, None, 3)), keras.Input((None, None, 32))
    zeros = {"kernel_initializer": "zeros", "bias_initializer": keras.initializers.Constant(0.5)}
    encoder = keras.Model(pictures, keras.layers.Conv2D(32, 8, 8)(pictures))
    decoder = keras.Model(latents, keras.layers.UpSampling2D(8)(keras.layers.Conv2D(3, 1, **zeros)(latents)))
    return Autoencoder(encoder, decoder)


def landmarks(count: int) -> np.ndarray:
    points = [[100, 110], [180, 110], [140, 150], [110, 190], [170, 190]]
    return np.repeat(np.array(points, np.float32)[None], count, axis=0)


def test_the_map_s_mean_is_the_logit_of_the_probability(network):
    crops = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3)).astype(np.float32)
    probability, logit_map = network.predict_on_batch(crops)
    assert probability.shape == (2, 1) and logit_map.shape == (2, 7, 7, 1)
    np.testing.assert_allclose(1 / (1 + np.exp(-logit_map.mean(axis=(1, 2)))), probability, atol=1e-6)


def test_masks_lie_on_the_face(seed):
    masks = np.asarray(draw_masks(landmarks(16), seed))
    assert masks.shape == (16, 288, 288, 1) and masks.min() >= 0 and masks.max() <= 1
    assert masks[:, 140:160, 130:150].mean() > 3 * masks[:, :20, :20].mean() + 0.2


def test_a_self_blend_is_an_original_and_an_altered_copy_parted_by_the_mask(seed):
    pictures = np.random.default_rng(0).integers(40, 200, (16, 288, 288, 3)).astype(np.float32)
    masks = np.zeros((16, 288, 288, 1), np.float32)
    masks[:, 100:200, 100:200] = 1
    blended = np.asarray(self_blend(pictures, masks, seed))
    assert blended.min() >= 0 and blended.max() <= 255
    inside = np.zeros((288, 288), bool)
    inside[100:200, 100:200] = True
    outside_change = np.abs(blended - pictures)[:, ~inside].mean(axis=(1, 2))
    inside_change = np.abs(blended - pictures)[:, inside].mean(axis=(1, 2))
    original_outside = outside_change == 0
    assert 0 < original_outside.sum() < 16  # either part may be the original
    assert (inside_change[original_outside] > 1).all()
    assert (inside_change[~original_outside] < 0.8 * outside_change[~original_outside]).all()


def test_a_pair_differs_where_its_mask_says():
    originals = np.full((1, 288, 288, 3), 100, np.float32)
    fakes = originals.copy()
    fakes[:, 90:198, 90:198] += 30
    mask = np.asarray(change_masks(originals, fakes))[0, :, :, 0]
    assert mask[108:180, 108:180].min() == 1 and mask[:72, :72].max() == 0


def test_a_batch_holds_pairs_then_doubles_then_singles(faces):
    order = BatchSampler(faces, CONFIG).draw(np.random.default_rng(0))
    real, fake, one, same, single_real, single_fake = order
    assert faces.samples[real].pair == faces.samples[fake].pair != ""
    assert not faces.fake[real] and faces.fake[fake]
    assert one == same and not faces.fake[one]
    assert not faces.fake[single_real] and faces.fake[single_fake]
    np.testing.assert_array_equal(units(CONFIG), [0, 0, 1, 1, 2, 3])


def test_pictures_to_be_reconstructed_come_twice_between_pairs_and_those_to_be_blended(faces):
    config = replace(CONFIG, reconstructed=2)
    order = BatchSampler(faces, config).draw(np.random.default_rng(0))
    assert len(order) == config.batch == 10
    assert order[2] == order[3] and order[4] == order[5] and not faces.fake[order[2:6]].any()
    np.testing.assert_array_equal(units(config), [0, 0, 1, 1, 2, 2, 3, 3, 4, 5])


def test_both_pictures_of_a_unit_come_coded_or_neither(faces):
    white = tuple(np.full_like(picture, 255) for picture in faces.pictures)
    config = replace(CONFIG, pairs=3, self_blended=3, singles=4, coded_share=0.5)
    sampler = BatchSampler(replace(faces, coded=white), config)
    coded = [(sampler[step][0]["pictures"] == 255).all(axis=(1, 2, 3)) for step in range(8)]
    for batch in coded:
        np.testing.assert_array_equal(batch[:12:2], batch[1:12:2])
    assert 0.3 < np.mean(coded) < 0.7


def test_pictures_that_were_not_coded_are_refused_where_the_configuration_wants_them(faces):
    with pytest.raises(ValueError, match="coded"):
        BatchSampler(faces, replace(CONFIG, coded_share=0.5))


def test_pairs_are_found_and_chances_sum_to_one(faces):
    assert len(find_pairs(faces)) == 3
    for fake in (False, True):
        chances = single_chances(faces, CONFIG, fake)
        assert chances.sum() == pytest.approx(1) and (chances[faces.fake != fake] == 0).all()


def test_an_emphasised_source_is_drawn_more_often(faces):
    def share(emphasis: float) -> float:
        chances = single_chances(faces, TrainingConfig(emphasis={"lfw": emphasis}), fake=False)
        return float(chances[faces.sources == "lfw"].sum())

    assert share(4) > share(1) > share(0.25)


def test_two_steps_of_training_run_and_change_the_weights(faces, network):
    config = replace(CONFIG, reconstructed=1)
    learner = Learner(network, config, (), grey())
    learner.compile(optimizer=optimiser(config))
    learner.optimizer.build(learner.trainable_variables)  # else all is traced twice
    before = weights_of(network)
    history = learner.fit(BatchSampler(faces, config), epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert any(np.abs(old - new).max() > 0 for old, new in zip(before, weights_of(network), strict=True))


def test_a_network_follows_its_teachers_and_leaves_them_as_they_are(faces, network):
    config = replace(CONFIG, taught_share=1.0, mixed_up=0.0, transplanted_share=0.0)
    teacher = keras.models.clone_model(network)
    teacher.get_layer("logit_map").bias.assign([40.0])
    before = weights_of(teacher)
    learner = Learner(network, config, [teacher])
    learner.compile(optimizer=optimiser(config), run_eagerly=True)  # to trace it takes a minute, as the test above does
    batch = BatchSampler(faces, config)[0][0]
    answer = learner(batch)
    np.testing.assert_allclose(answer["taught"], 1, atol=1e-6)
    sure = {**answer, "logit_map": np.full((6, 7, 7, 1), 20, np.float32)}
    unsure = {**answer, "logit_map": np.full((6, 7, 7, 1), -20, np.float32)}
    assert float(learner.compute_loss(y_pred=sure)) < 0.01 < 10 < float(learner.compute_loss(y_pred=unsure))
    learner.fit(BatchSampler(faces, config), epochs=1, verbose=0)
    for old, new in zip(before, weights_of(teacher), strict=True):
        np.testing.assert_array_equal(old, new)


def test_teachers_are_followed_in_everything_but_transplants_and_reconstructions(faces, network):
    for share, wanted in ((0.0, [1, 1, 1, 0, 1, 1, 1, 1]), (1.0, [1, 1, 1, 0, 1, 0, 1, 1])):
        config = replace(CONFIG, reconstructed=1, transplanted_share=share, mixed_up=0.0)
        answer = Learner(network, config, (), grey())(BatchSampler(faces, config)[0][0])
        np.testing.assert_array_equal(answer["taught_weight"], wanted)
        np.testing.assert_array_equal(answer["target"], [0, 1, 0, 1, 0, 1, 0, 1])
        seen = np.asarray(answer["cell_weight"]).max(axis=(1, 2, 3))
        assert (seen[:6] > 0.9).all() and seen[6] == 1 and seen[7] == 0  # where a single is fake, nobody knows


def test_a_configuration_that_wants_reconstructions_is_refused_without_an_autoencoder(network):
    with pytest.raises(ValueError, match="no autoencoder"):
        Learner(network, replace(CONFIG, reconstructed=1))


def test_an_average_lies_between_its_parts_and_is_assigned_whole(network):
    first = weights_of(network)
    second = [values + 4 for values in first]
    mean = average([first, second], [3, 1])
    np.testing.assert_allclose(mean[5], first[5] + 1, atol=1e-5)
    assign(network, mean)
    for assigned, wanted in zip(weights_of(network), mean, strict=True):
        np.testing.assert_allclose(assigned, wanted, atol=1e-6)
    assign(network, first)


@pytest.mark.parametrize("fields", [{"pairs": 0, "self_blended": 0}, {"singles": 3}])
def test_a_configuration_that_makes_no_batch_is_refused(fields):
    with pytest.raises(ValueError, match="a batch needs"):
        TrainingConfig(**fields)
