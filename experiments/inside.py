"""Look inside a trained network: train a small AlexNet, and draw what it has learned.

Run `python -m experiments.inside --data PATH`. The pictures go into experiments/results/pictures; t-SNE needs
scikit-learn (`pip install ".[inside]"`) and is left out where it is missing.
"""

from importlib.util import find_spec

import numpy as np

from experiments.record import RESULTS, options
from nnscratch.cli.build import build_solver
from nnscratch.cli.settings import resolve
from nnscratch.data import load
from nnscratch.layers.initializers import he, normal, xavier
from nnscratch.models import inside
from nnscratch.plotting import (
    plot_activation_maps,
    plot_features,
    plot_filters,
    plot_histograms,
    plot_images,
    plot_maps,
    save,
)
from nnscratch.training import ProgressBar

PICTURES = RESULTS / "pictures"
LAYER = "relu6"  # the last hidden layer of the small AlexNet


def pictures(model, x, y, raw, classes):
    """Yield (name, picture) for standardised images x, their labels y and the images as they were."""
    names = [classes[label] for label in y]
    yield "filters", plot_filters(model.params["conv1.w"])
    yield "activation-maps", plot_activation_maps(inside.activation_maps(model, x[:1]))
    yield "saliency", plot_maps(raw[:8], inside.saliency(model, x[:8], y[:8]), names[:8], "Saliency")
    hidden = [inside.occlusion_map(model, image, label, size=8, stride=2) for image, label in zip(x[:8], y[:8])]
    yield (
        "occlusion",
        plot_maps(raw[:8], hidden, names[:8], "Probability of the class under a grey square", "viridis"),
    )
    made = [inside.class_image(model, label, x.shape[1:]) for label in range(len(classes))]
    yield "class-images", plot_images(np.array(made), classes, "Images made for a class")
    targets = [(label + 1) % len(classes) for label in y[:8]]
    fooled = [inside.fooling_image(model, image, target)[0] for image, target in zip(x[:8], targets)]
    labels = [f"{was}: {classes[target]}" for was, target in zip(names, targets)]
    yield "fooling", plot_images(np.array(fooled), labels, "What each is: what the network sees", 8)
    layers = ["maxpool1", "maxpool2", "maxpool3", LAYER]
    found = [inside.invert_features(model, x[0], name) for name in layers]
    labels = ["the image", *(f"{name}, {error:.1%}" for name, (_, error) in zip(layers, found))]
    yield "inversion", plot_images(np.array([x[0], *(image for image, _ in found)]), labels, "Made from features")
    features = inside.features(model, x, LAYER)
    order = inside.nearest(features, features[:5], k=6).ravel()
    yield "neighbours", plot_images(raw[order], [names[i] for i in order], "Nearest in feature space", 6)
    if find_spec("sklearn"):
        yield "tsne", plot_features(features, y, classes)


def histograms():
    """Return the picture of activations by depth for each initialiser."""
    rules = {"N(0, 0.01)": normal(0.01), "N(0, 1)": normal(1.0), "Xavier": xavier(), "He": he()}
    outs = {name: inside.activations_by_depth(init, depth=8) for name, init in rules.items()}
    return plot_histograms(outs, "tanh by depth, for each initialiser")


def main():
    """Train, and draw everything."""
    settings = options(__doc__, epochs=3, images=1000).parse_args()
    data = load(settings.data)
    recipe = resolve({"epochs": settings.epochs, "seed": 0}, data_name=data.name)
    solver = build_solver(recipe, data, [ProgressBar()])
    solver.train()
    mixed = np.random.default_rng(0).permutation(len(data.x_test))[: settings.images]
    raw, y = data.x_test[mixed], data.y_test[mixed]
    PICTURES.mkdir(parents=True, exist_ok=True)
    save(histograms(), PICTURES / "inside-histograms.png")
    for name, figure in pictures(solver.model, solver.preprocess(raw), y, raw, data.classes):
        save(figure, PICTURES / f"inside-{name}.png")
        print(PICTURES / f"inside-{name}.png")


if __name__ == "__main__":
    main()
