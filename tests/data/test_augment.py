"""Each augmentation does what its name says, draws from the given generator only, and leaves its input alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.data.augment import (
    ColourJitter,
    Compose,
    Cutout,
    Mirror,
    PadCrop,
    PCAColour,
    RandomCrop,
    parse,
    ten_crops,
)
from nnscratch.data.crops import random_windows
from nnscratch.data.dataset import DataError
from nnscratch.shapes import ShapeError

ALL = ["mirror", "crop3", "reflect3", "window9", "cutout5", "colour", "jitter", "standard", "mirror,crop2,jitter"]


def images(count=40, dtype=np.uint8, seed=0):
    x = np.random.default_rng(seed).integers(0, 256, (count, 3, 12, 10)).astype(dtype)
    return x if dtype == np.uint8 else x / dtype(255)


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("text", ALL)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_the_input_stays_and_the_same_generator_gives_the_same_images(text, dtype):
    x = images(dtype=dtype)
    before = x.copy()
    step = parse(text, x)
    first, second, other = step(x, generator(1)), step(x, generator(1)), step(x, generator(2))
    assert (x == before).all()
    assert first.dtype == dtype
    assert len(first) == len(x)
    assert first.tobytes() == second.tobytes()
    assert (first != other).any()
    first[...] = 0
    assert (x == before).all()


@given(share=st.floats(0, 1), seed=st.integers(0, 99))
def test_each_image_is_mirrored_or_not(share, seed):
    x = images()
    out = Mirror(share)(x, generator(seed))
    kept = (out == x).all(axis=(1, 2, 3))
    flipped = (out == x[..., ::-1]).all(axis=(1, 2, 3))
    assert (kept | flipped).all()


def test_the_share_of_mirrored_images():
    x = images(4000)
    flipped = (Mirror(0.3)(x, generator()) != x).any(axis=(1, 2, 3)).mean()
    assert 0.27 < flipped < 0.33
    assert (Mirror(0.0)(x, generator()) == x).all()
    assert (Mirror(1.0)(x, generator()) == x[..., ::-1]).all()


@pytest.mark.parametrize("mode", ["zero", "reflect"])
def test_pad_and_crop_shifts_each_image_by_every_amount(mode):
    x = np.random.default_rng(0).integers(1, 256, (1, 1, 6, 6), dtype=np.uint8).repeat(600, axis=0)
    padded = np.pad(x[0, 0], 1, mode="constant" if mode == "zero" else "reflect")
    windows = {padded[i : i + 6, j : j + 6].tobytes() for i in range(3) for j in range(3)}
    seen = {image.tobytes() for image in PadCrop(1, mode)(x, generator())}
    assert seen == windows


def test_random_crop_takes_windows_from_inside_at_every_place():
    x = np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6).repeat(400, axis=0)
    out = RandomCrop(4)(x, generator())
    starts = {int(image[0, 0, 0]) for image in out}
    assert starts == {6 * i + j for i in range(3) for j in range(3)}
    assert all((image == image[0, 0, 0] + np.arange(4) + 6 * np.arange(4)[:, None]).all() for image in out)


@given(rows=st.integers(1, 9), columns=st.integers(1, 9), data=st.data())
def test_windows_of_any_size_fit(rows, columns, data):
    size = data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns))
    out = random_windows(np.ones((3, 2, rows, columns)), size, generator())
    assert out.shape == (3, 2, *size)
    assert (out == 1).all()


def test_pca_colour_shifts_all_pixels_of_an_image_alike_and_images_differently():
    x = images(dtype=np.float64)
    shift = PCAColour(0.1).fit(x)(x, generator()) - x
    assert np.abs(shift - shift[:, :, :1, :1]).max() < 1e-6
    assert len(np.unique(shift[:, 0, 0, 0].round(9))) == len(x)


def test_pca_colour_follows_the_papers_formula():
    x = images(2000, np.float64)
    x[:, 1] = 0.7 * x[:, 0] + 0.3 * x[:, 1]
    step = PCAColour(scale=0.1).fit(x)
    pixels = x.transpose(1, 0, 2, 3).reshape(3, -1)
    covariance = np.cov(pixels, bias=True)
    drawn = (step(x, generator()) - x)[:, :, 0, 0]
    expected = 0.1**2 * covariance @ covariance  # the covariance of sum a_i l_i p_i with a ~ N(0, 0.1)
    assert np.abs(np.cov(drawn.T) - expected).max() < 0.1 * expected.max()


def test_pca_colour_works_on_the_scale_of_the_images():
    x = images(500)
    strong = PCAColour(2.0).fit(x)
    on_bytes = strong(x, generator()).astype(float)
    on_floats = PCAColour(2.0).fit(x / 255)(x / 255, generator())
    assert np.abs(on_bytes - (on_floats * 255).clip(0, 255)).max() <= 0.5 + 1e-3


def test_pca_colour_needs_to_know_the_training_images():
    with pytest.raises(DataError, match=r"call fit\(x_train\) first"):
        parse("colour")(images(), generator())
    with pytest.raises(DataError, match="fitted to 3 channels, but x has 1"):
        PCAColour().fit(images())(images()[:, :1], generator())


def test_jitter_of_strength_zero_changes_nothing():
    x = images()
    assert (ColourJitter(0, 0, 0)(x, generator()) == x).all()


def test_brightness_multiplies_and_contrast_keeps_the_mean_grey():
    x = images(200, np.float64) * 0.4 + 0.3
    ratio = ColourJitter(0.5, 0, 0)(x, generator()) / x
    assert np.abs(ratio - ratio[:, :1, :1, :1]).max() < 1e-5
    assert 0.5 <= ratio.min() < 0.6
    assert 1.4 < ratio.max() <= 1.5
    luma = np.array([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)
    for strengths in ((0, 0.5, 0), (0, 0, 0.5)):
        out = ColourJitter(*strengths)(x, generator())
        assert (
            np.abs((out * luma).sum(axis=1).mean(axis=(1, 2)) - (x * luma).sum(axis=1).mean(axis=(1, 2))).max()
            < 1e-6
        )
        assert np.abs(out - x).max() > 0.05


def test_saturation_leaves_grey_images_alone():
    grey = images(dtype=np.float64)[:, :1].repeat(3, axis=1)
    assert np.abs(ColourJitter(0, 0, 1)(grey, generator()) - grey).max() < 1e-6


def test_bytes_are_clipped_and_rounded():
    x = np.full((50, 3, 4, 4), 250, np.uint8)
    out = ColourJitter(1.0, 0, 0)(x, generator())
    assert out.max() == 255
    assert out.min() < 100


def test_cutout_covers_one_square_with_the_mean_colour():
    x = images(300, np.float64)
    out = Cutout(4)(x, generator())
    covered = (out != x).all(axis=1)
    assert covered.any(axis=(1, 2)).all()
    for image, before, mask in zip(out, x, covered):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert mask.sum() == len(rows) * len(columns) <= 16
        assert np.abs(image[:, mask] - before.mean(axis=(1, 2))[:, None]).max() < 1e-12
    assert covered.sum(axis=(1, 2)).max() == 16


def test_ten_crops_are_the_corners_the_centre_and_their_mirrors():
    x = images()
    crops = ten_crops(x, 8)
    assert crops.shape == (10, 40, 3, 8, 8)
    assert (crops[0] == x[:, :, :8, :8]).all()
    assert (crops[1] == x[:, :, :8, -8:]).all()
    assert (crops[2] == x[:, :, -8:, :8]).all()
    assert (crops[3] == x[:, :, -8:, -8:]).all()
    assert (crops[4] == x[:, :, 2:10, 1:9]).all()
    assert (crops[5:] == crops[:5, ..., ::-1]).all()


def test_texts_are_parsed():
    assert parse("none").steps == parse("").steps == ()
    x = images()
    assert parse("none")(x, generator()) is x
    mirror, crop = parse("standard").steps
    assert isinstance(mirror, Mirror)
    assert crop.pad == 4
    assert [type(step) for step in parse(" mirror , crop2,cutout6,colour,jitter").steps] == [
        Mirror,
        PadCrop,
        Cutout,
        PCAColour,
        ColourJitter,
    ]
    assert parse("crop2").steps[0].pad == 2
    assert parse("cutout16").steps[0].size == 16


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("miror", "unknown augmentation 'miror': did you mean 'mirror'"),
        ("mirror,crpo4", "did you mean 'crop'"),
        ("mirror,", "unknown augmentation ''"),
        ("mirror4", "mirror takes no number 4"),
        ("crop0", "crop takes no number 0"),
        ("mirror,none", "'none' stands alone"),
        ("standard,cutout8", "'standard' stands alone"),
    ],
)
def test_texts_that_make_no_sense_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Mirror(1.5), "share is 1.5"),
        (lambda: PadCrop(0), "pad is 0"),
        (lambda: PadCrop(2, "wrap"), "unknown padding mode 'wrap'"),
        (lambda: PadCrop(10, "reflect")(images(), generator()), "cannot reflect 10 pixels.*pad=9 or less"),
        (
            lambda: RandomCrop(11)(images(), generator()),
            "a crop of 11x11 does not fit images of 12x10: use a size",
        ),
        (lambda: ten_crops(images(), 0), "use a size from 1 to 10"),
        (lambda: Cutout(0), "size is 0"),
        (lambda: ColourJitter(2), "give numbers from 0 to 1"),
        (lambda: PCAColour().fit(np.full((2, 3, 4, 4), np.nan)), "NaN"),
    ],
)
def test_settings_that_make_no_sense_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("text", ALL)
def test_a_wrong_rank_names_the_step(text):
    with pytest.raises((ShapeError, DataError), match="N, C, H, W"):
        parse(text, images())(images()[0], generator())


def test_jitter_needs_three_channels():
    with pytest.raises(ShapeError, match="ColourJitter"):
        ColourJitter()(images()[:, :1], generator())


def test_compose_runs_in_order():
    x = images()
    both = Compose(Mirror(1.0), Mirror(1.0))
    assert (both(x, generator()) == x).all()
