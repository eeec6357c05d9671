"""A character-level language model: recurrent layers that guess, at every step, which character follows."""

import string

import numpy as np

from nnscratch import arrays
from nnscratch.arrays import array_module, to_device
from nnscratch.choices import choose
from nnscratch.data.text import TextError, Vocabulary
from nnscratch.layers import CELLS, Dropout, Embedding, Layer, Sequential, TemporalAffine, log_softmax
from nnscratch.layers.initializers import normal
from nnscratch.layers.recurrent import Recurrent
from nnscratch.layers.temporal import temporal_softmax_loss
from nnscratch.models.classifier import Classifier

ASCII = "\n " + string.digits + string.ascii_letters + string.punctuation


def char_rnn(
    characters=ASCII, hidden=256, cell="lstm", depth=1, embed=64, drop=0.0, streams=0, seed=0, dtype=np.float32
):
    """Build an embedding, `depth` recurrent layers of `hidden` units, and scores for every one of `characters`.

    `cell` is "rnn", "lstm" or "gru". `drop` is the share of each recurrent layer's output dropped in training
    (Zaremba et al. 2014, sec. 3.1). `streams`: how many texts a training batch carries on, as in TextData; 0 for
    none. Source: Sutskever et al. 2011, "Generating text with recurrent neural networks"; Karpathy 2015.
    Raises ValueError for an unknown cell, TextError for a character listed twice.

    >>> model = char_rnn("abc", hidden=8)
    >>> model.loss(np.array([[0, 1, 2, 0]])).shape
    (1, 4, 3)
    """
    layer_of, rng = choose(cell, CELLS, "cell"), arrays.rng(seed)
    V = len(Vocabulary(characters))
    layers: list[Layer] = [Embedding(V, embed, init=normal(1.0), rng=rng, dtype=dtype)]
    for D in [embed, *[hidden] * (depth - 1)]:
        layers += [layer_of(D, hidden, streams=streams, rng=rng, dtype=dtype)]
        layers += [Dropout(drop, rng=rng)] if drop else []
    scores = TemporalAffine(hidden, V, init=normal(0.01), rng=rng, dtype=dtype)
    return CharRNN(Sequential(*layers, scores), characters)


class CharRNN(Classifier):
    """Layers from characters (N, T) to scores (N, T, V), with what one does with a language model.

    `loss(x, y)` is the mean over all characters, in nats; `layers` is a Sequential.

    >>> model = CharRNN(char_rnn("ab", hidden=4).layers, "ab")
    >>> round(model.nats("abab"), 2), len(model.sample("a", length=5, rng=0))
    (0.69, 5)
    """

    def __init__(self, layers, characters, spec=None):
        super().__init__(layers, temporal_softmax_loss, spec=spec)
        self.vocabulary = Vocabulary(characters)

    @property
    def classes(self):
        """How many characters there are."""
        return len(self.vocabulary)

    def accuracy(self, scores, y):
        """Return the share of characters (N, T) that have the highest score of (N, T, V)."""
        return arrays.number((scores.argmax(axis=-1) == y).mean())

    def reset(self):
        """Forget the states that training carries from batch to batch: the next batch begins its texts."""
        for layer in self.layers.children.values():
            if isinstance(layer, Recurrent):
                layer.reset()

    def read(self, x, states=None):
        """Return the scores (N, T, V) after every character of x (N, T), and the states after the last one.

        `states`: those that an earlier `read` returned, to go on from there; None to begin.
        """
        after, before = [], iter(states or [])
        for layer in self.layers.children.values():
            if isinstance(layer, Recurrent):
                x, cache = layer.forward(x, start=next(before, None))
                after.append(cache.states[-1])
            else:
                x, _ = layer.forward(x)
        return x, after

    def nats(self, text, piece=1000):
        """Return how surprised the model is by a text: the mean of -log(probability) from its second character on.

        It reads the text from its beginning, `piece` characters at a time. Divide by log(2) for bits.
        Raises TextError for unknown characters and for a text of fewer than two.
        """
        numbers = self.vocabulary.encode(text)
        if len(numbers) < 2:
            raise TextError(f"nats: a text of {len(numbers)} characters has none that follows: give two or more")
        total, states = 0.0, None
        for i in range(0, len(numbers) - 1, piece):
            part = numbers[i : i + piece + 1]
            scores, states = self.read(self._here(part[None, :-1]), states)
            total -= float(to_device(log_softmax(scores[0]), "cpu")[np.arange(len(part) - 1), part[1:]].sum())
        return total / (len(numbers) - 1)

    def sample(self, start=None, length=500, temperature=1.0, rng=None):
        """Return `length` characters that the model writes after `start`, drawn one after the other.

        Unless given, start is the first character of the vocabulary: a line break, in most texts. Scores are
        divided by `temperature` first: below 1 the likely ones become likelier, above 1 all grow more alike; 0
        always takes the likeliest. `rng` is a seed or Generator. Raises TextError for an empty start or one with
        unknown characters, ValueError for a temperature below 0.
        """
        start = self.vocabulary.characters[0] if start is None else start
        if not start:
            raise TextError("sample: start is empty: give at least one character, such as a line break")
        if not temperature >= 0:
            raise ValueError(f"sample: temperature is {temperature}: give 0 or more")
        draws, written = arrays.rng(arrays.default_seed() if rng is None else rng), []
        scores, states = self.read(self._here(self.vocabulary.encode(start)[None]))
        for _ in range(length):
            last = to_device(scores[0, -1], "cpu").astype(np.float64)
            written.append(_drawn(last, temperature, draws))
            scores, states = self.read(self._here(np.array([[written[-1]]])), states)
        return self.vocabulary.decode(written)

    def _here(self, numbers):
        """Whole numbers on the model's device."""
        return array_module(next(iter(self.params.values()))).asarray(numbers)


def _drawn(scores, temperature, draws):
    """Draw a place with the probabilities softmax(scores / temperature)."""
    if temperature == 0:
        return int(scores.argmax())
    chances = np.cumsum(np.exp((scores - scores.max()) / temperature))
    return int(np.searchsorted(chances, draws.random() * chances[-1], side="right").clip(0, len(scores) - 1))
