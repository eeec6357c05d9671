"""Data: datasets and their sources, preprocessing, augmentation, and batches prepared in the background."""

from nnscratch.data.batches import Batches
from nnscratch.data.dataset import DataError, Dataset
from nnscratch.data.download import DownloadError
from nnscratch.data.preprocess import PCA, PREPROCESS, ChannelMean, MeanImage, Scale, Standardize, Whiten
from nnscratch.data.sources import SOURCES, load
from nnscratch.data.text import TextData, TextError, Vocabulary, read_text

__all__ = [
    "PCA",
    "PREPROCESS",
    "SOURCES",
    "Batches",
    "ChannelMean",
    "DataError",
    "Dataset",
    "DownloadError",
    "MeanImage",
    "Scale",
    "Standardize",
    "TextData",
    "TextError",
    "Vocabulary",
    "Whiten",
    "load",
    "read_text",
]
