"""Pictures of a training run, in one plain style; the only part of the package that imports matplotlib."""

from nnscratch.plotting.confusion import plot_confusion
from nnscratch.plotting.curves import plot_curves, plot_update_ratios
from nnscratch.plotting.images import plot_filters, plot_images, plot_mistakes
from nnscratch.plotting.inside import plot_activation_maps, plot_features, plot_histograms, plot_maps
from nnscratch.plotting.style import Picture, save

__all__ = [
    "Picture",
    "plot_activation_maps",
    "plot_confusion",
    "plot_curves",
    "plot_features",
    "plot_filters",
    "plot_histograms",
    "plot_images",
    "plot_maps",
    "plot_mistakes",
    "plot_update_ratios",
    "save",
]
