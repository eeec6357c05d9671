"""Tables of layers: published counts, fields of view, and a page that says what the networks are."""

import numpy as np
import pytest

from docs.make_architectures import PAGE, networks, section
from nnscratch import layers as L
from nnscratch.models import MODELS, alexnet, build, googlenet, resnet20
from nnscratch.models.alexnet2012 import towers
from nnscratch.models.cuda_convnet import recipe
from nnscratch.models.summary import rows_of, summary, totals
from nnscratch.shapes import ShapeError
from nnscratch.training import Momentum

# The papers and torchvision.
PUBLISHED = {
    "80sec": 145_578, "18pct": 89_578, "nin": 966_986, "resnet20": 269_722, "resnet32": 464_154,
    "resnet56": 853_018,
    "alexnet": 60_965_224, "alexnet-one-tower": 62_378_344, "alexnet-torchvision": 61_100_840,
    "vgg11": 132_863_336, "vgg13": 133_047_848, "vgg16": 138_357_544, "vgg19": 143_667_240,
    "googlenet": 13_378_280,
    "resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032,
}  # fmt: skip
LARGE = 1e6
TEXT = PAGE.read_text(encoding="utf-8")
SMALL_NETWORKS = [name for name, _ in networks() if PUBLISHED.get(name, 0) < LARGE]


@pytest.mark.parametrize("name", [name for name, count in PUBLISHED.items() if count < LARGE])
def test_published_counts_of_small_networks(name):
    assert sum(w.size for w in build(name).params.values()) == PUBLISHED[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, count in PUBLISHED.items() if count > LARGE])
def test_published_counts_of_large_networks(name):
    assert sum(w.size for w in build(name).params.values()) == PUBLISHED[name]


def test_the_page_has_the_published_counts():
    for name, count in PUBLISHED.items():
        [line] = [line for line in TEXT.splitlines() if line.startswith(f"| [{name}]")]
        assert f"| {count:,} |" in line


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_the_page_shows_the_networks_as_they_are(name):
    line, text = section(name, dict(networks())[name])
    assert line in TEXT.splitlines(), "run python -m docs.make_architectures"
    assert text in TEXT, "run python -m docs.make_architectures"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, image in networks() if name not in SMALL_NETWORKS])
def test_the_page_shows_the_large_networks_as_they_are(name):
    line, text = section(name, dict(networks())[name])
    assert line in TEXT.splitlines() and text in TEXT, "run python -m docs.make_architectures"


def test_every_network_for_images_is_on_the_page():
    assert {name for name, _ in networks()} <= set(MODELS)
    assert all(f"## {name}\n" in TEXT for name, _ in networks())


def test_fields_of_view():
    rows = {row.name: row.field for row in rows_of(alexnet(width=6).layers, (3, 227, 227))}
    assert [rows[name] for name in ("conv1", "maxpool1", "conv2", "maxpool2", "conv3", "conv5", "maxpool3")] == [
        11, 19, 51, 67, 99, 163, 195]  # fmt: skip
    assert rows["affine1"] is None


@pytest.mark.parametrize(
    "layers",
    [
        [L.Conv(1, 1, 3, stride=2, pad=1), L.MaxPool(2), L.Conv(1, 1, 3, pad=2, dilation=2)],
        [L.Sum(a=L.Conv(1, 1, 5, pad=2), b=L.Identity()), L.AveragePool(3, stride=2), L.LRN(3, within=True)],
        [L.PadChannels(2, stride=3), L.Conv(2, 1, 3, pad=1)],
        [L.Concat(L.Conv(1, 1, 1), L.Conv(1, 1, 7, pad=3)), L.LRN(3)],
    ],
)
def test_a_number_depends_on_the_pixels_of_its_field_and_no_others(layers):
    """Found by perturbing: dx of a single number in the middle is 0 outside a square of the size told."""
    net = L.Sequential(*layers).astype(np.float64)
    for key, w in net.params.items():
        net.params[key] = abs(w) + 0.1
    x = np.random.default_rng(0).uniform(1, 2, (1, 1, 60, 60))
    seen = np.zeros((60, 60), bool)
    for draw in range(40):  # max pools let one pixel through each time
        out, cache = net.forward(np.random.default_rng(draw).permuted(x, axis=3))
        dout = np.zeros_like(out)
        dout[0, :, out.shape[2] // 2, out.shape[3] // 2] = 1
        seen |= net.backward(dout, cache)[0][0, 0] != 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    [*_, last] = rows_of(net, (1, 60, 60))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == last.field


def test_side_heads_have_parameters_and_do_no_work():
    model = googlenet(classes=10, image=(3, 96, 96), width=8)
    rows = rows_of(model.layers, (3, 96, 96))
    heads = [row for row in rows if row.name.startswith("head")]
    assert sum(row.parameters for row in heads) > 0 and not any(row.multiply_adds for row in heads)
    assert totals(rows)[0] == sum(w.size for w in model.params.values())


def test_a_summary_of_layers_and_of_an_image_that_is_too_small():
    assert "in all" in summary(resnet20(width=4).layers, (3, 32, 32))
    with pytest.raises(ShapeError):
        summary(alexnet(width=6), (3, 40, 40))
    with pytest.raises(ShapeError, match="images of 32x32 pixels are too small: it needs at least 67x67"):
        alexnet(image=(3, 32, 32), width=6)


def test_the_towers_share_the_weights():
    model = alexnet(classes=10, image=(3, 67, 67), width=6)
    one, other = towers(model)
    assert one.shape == other.shape == (3, 3, 11, 11)
    model.params["conv1.w"][0] = 7
    assert (one[0] == 7).all()


@pytest.mark.parametrize("name", ["80sec", "18pct", "19pct", "13pct", "11pct"])
def test_every_pattern_of_a_recipe_names_parameters(name):
    model = build(name, width=4)
    grads = {key: np.zeros_like(w) for key, w in model.params.items()}
    before = {key: w.copy() for key, w in model.params.items()}
    Momentum(**recipe(name)).step(model.params, grads)
    changed = {key.rstrip("0123456789.wb") for key in before if (before[key] != model.params[key]).any()}
    assert "affine" in changed
    assert ("conv" in changed) == (name in ("80sec", "18pct", "19pct"))
