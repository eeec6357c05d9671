"""Pictures of a training run, in one plain style; the only part of the package that imports matplotlib."""

from nnscratch.plotting.boxes import plot_detections
from nnscratch.plotting.confusion import plot_confusion
from nnscratch.plotting.curves import plot_curves, plot_update_ratios
from nnscratch.plotting.images import plot_filters, plot_images, plot_mistakes, plot_templates
from nnscratch.plotting.inside import plot_activation_maps, plot_features, plot_histograms, plot_maps
from nnscratch.plotting.searches import plot_cross_validation, plot_descents, plot_trials
from nnscratch.plotting.style import BLUE, GREEN, INK, ORANGE, QUIET, Picture, panels, save
from nnscratch.plotting.through_time import plot_clipping, plot_gradients_through_time

__all__ = [
    "BLUE",
    "GREEN",
    "INK",
    "ORANGE",
    "QUIET",
    "Picture",
    "panels",
    "plot_activation_maps",
    "plot_clipping",
    "plot_confusion",
    "plot_cross_validation",
    "plot_curves",
    "plot_descents",
    "plot_detections",
    "plot_features",
    "plot_filters",
    "plot_gradients_through_time",
    "plot_histograms",
    "plot_images",
    "plot_maps",
    "plot_mistakes",
    "plot_templates",
    "plot_trials",
    "plot_update_ratios",
    "save",
]
