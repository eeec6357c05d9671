"""Captions: a recurrent network that begins in an image's features and says a sentence, word by word."""

import numpy as np

from nnscratch import arrays
from nnscratch.arrays import array_module, number
from nnscratch.choices import choose
from nnscratch.layers import CELLS, Affine, Embedding, TemporalAffine, temporal_softmax_loss
from nnscratch.layers.containers import Container
from nnscratch.layers.initializers import he, normal
from nnscratch.models.classifier import InputError
from nnscratch.shapes import match_axes

SPECIAL = ("<null>", "<start>", "<end>")


class CaptioningRNN:
    """From image features (N, D) to captions (N, T) of words from a vocabulary.

    words: the vocabulary; it must begin with `<null>`, `<start>` and `<end>`: a caption is encoded as <start>, its
    words, <end>, and filled up with <null>, which does not count. features: D; embed: numbers per word; hidden: H;
    cell: "rnn", "lstm" or "gru".

    The features, through an affine layer, are the state h before the first step (the c of an LSTM begins as 0).
    Source: Vinyals et al. 2015, "Show and tell"; Karpathy & Fei-Fei 2015, sec. 3.2; the form is CS231n's.
    Raises ValueError for an unknown cell and words that do not begin so.

    >>> model = CaptioningRNN([*SPECIAL, "a", "cat"], features=4, hidden=8)
    >>> captions = model.encode(["a cat", "cat"])
    >>> captions
    array([[1, 3, 4, 2],
           [1, 4, 2, 0]])
    >>> loss, grads = model.loss(np.ones((2, 4), np.float32), captions)
    >>> len(grads), len(model.sample(np.ones((2, 4), np.float32), length=3))
    (8, 2)
    >>> model.scores(np.ones((2, 4), np.float32), captions).shape
    (2, 4, 5)
    """

    def __init__(self, words, features=512, embed=128, hidden=128, cell="lstm", seed=0, dtype=np.float32):
        if tuple(words[:3]) != SPECIAL or len(set(words)) != len(words):
            raise ValueError(
                f"words: the list begins with {list(words[:3])}: begin it with {', '.join(SPECIAL)}, "
                "and list every word once"
            )
        self.words, self._numbers = list(words), {word: number for number, word in enumerate(words)}
        rng, V = arrays.rng(seed), len(words)
        self.layers = Container(
            project=Affine(features, hidden, init=he(), rng=rng, dtype=dtype),
            embed=Embedding(V, embed, init=normal(0.1), rng=rng, dtype=dtype),
            cell=choose(cell, CELLS, "cell")(embed, hidden, rng=rng, dtype=dtype),
            scores=TemporalAffine(hidden, V, init=normal(0.1), rng=rng, dtype=dtype),
        )

    @property
    def params(self):
        """All parameters as one flat dict of arrays."""
        return self.layers.params

    @property
    def state(self):
        """Nothing: there is no running state."""
        return self.layers.state

    def astype(self, dtype):
        """Convert the parameters to a dtype, in place; return the model itself."""
        self.layers.astype(dtype)
        return self

    def to(self, device):
        """Move the model to `"cpu"` or `"gpu"`, in place; return the model itself."""
        self.layers.to(device)
        return self

    def loss(self, x, y):
        """Return (loss, grads): nats per word of captions y (N, T + 1) given features x (N, D).

        Each word is to be guessed from those before it. Raises InputError for captions without a word to guess,
        ShapeError, IndexError for numbers of no word.
        """
        match_axes("captioning", x=(x, "N D"), y=(y, "N T"))
        if len(x) == 0 or y.shape[1] < 2 or not (y[:, 1:] != 0).any():
            raise InputError(f"y is {y.shape} and holds no word to guess: give captions made by `encode`")
        layers = self.layers
        h, to_project = layers["project"].forward(x, train=True)
        told, to_embed = layers["embed"].forward(y[:, :-1], train=True)
        out, to_cell = layers["cell"].forward(told, train=True, start=self._start(h))
        scores, to_scores = layers["scores"].forward(out, train=True)
        loss, dscores = temporal_softmax_loss(scores, y[:, 1:], mask=y[:, 1:] != 0)

        dout, dw_scores = layers["scores"].backward(dscores, to_scores)
        dtold, dwx, dwh, db, dstart = layers["cell"].pair[1](dout, to_cell)
        _, dw_embed = layers["embed"].backward(dtold, to_embed)
        _, dw_project = layers["project"].backward(dstart[:, : h.shape[1]], to_project)
        parts = {
            "project": dw_project,
            "embed": dw_embed,
            "cell": {"wx": dwx, "wh": dwh, "b": db},
            "scores": dw_scores,
        }
        return number(loss), {f"{part}.{name}": dw for part, grads in parts.items() for name, dw in grads.items()}

    def scores(self, x, captions):
        """Return the scores (N, T, V) of the word after each of captions (N, T), given features x (N, D)."""
        layers = self.layers
        start = self._start(layers["project"].forward(x)[0])
        out, _ = layers["cell"].forward(layers["embed"].forward(captions)[0], start=start)
        return layers["scores"].forward(out)[0]

    def sample(self, x, length=30, temperature=0.0, rng=0):
        """Return a caption, a string, for each of the features x (N, D), of up to `length` words.

        At temperature 0 the likeliest word is taken each time; above 0, words are drawn from the softmax of the
        scores / temperature.
        """
        layers, draws = self.layers, arrays.rng(rng)
        xp = array_module(x)
        state = self._start(layers["project"].forward(x)[0])
        last = xp.full((len(x), 1), self._numbers["<start>"])
        said = []
        for _ in range(length):
            told, _ = layers["embed"].forward(last)
            out, cache = layers["cell"].forward(told, start=state)
            state, scores = cache.states[-1], layers["scores"].forward(out)[0][:, 0]
            scores[:, :2] = -xp.inf  # neither <null> nor <start> is a word to say
            if temperature:  # Gumbel's way to draw from a softmax: the largest of the scores with noise
                noise = draws.gumbel(size=scores.shape).astype(scores.dtype)
                scores = scores / temperature + xp.asarray(noise)
            last = scores.argmax(axis=1)[:, None]
            said.append(last[:, 0].tolist())
        return [self.decode(numbers) for numbers in zip(*said)] if said else [""] * len(x)

    def encode(self, captions):
        """Return captions (strings of words with blanks between) as whole numbers (N, longest + 2).

        Raises InputError for a word that is not in the vocabulary.

        >>> CaptioningRNN(list(SPECIAL), features=2).encode(["cat"])
        Traceback (most recent call last):
        nnscratch.models.classifier.InputError: unknown word 'cat' in caption 0: the vocabulary has 0 words...
        """
        rows = [caption.split() for caption in captions]
        numbers = np.zeros((len(rows), max(map(len, rows), default=0) + 2), np.int64)
        for i, row in enumerate(rows):
            for word in row:
                if word not in self._numbers:
                    raise InputError(
                        f"unknown word {word!r} in caption {i}: the vocabulary has {len(self.words) - 3} words; "
                        "add it to `words`, or replace it"
                    )
            numbers[i, : len(row) + 2] = [self._numbers[word] for word in ("<start>", *row, "<end>")]
        return numbers

    def decode(self, numbers):
        """Return the words up to <end> as a string."""
        words = [self.words[number] for number in numbers]
        words = words[: words.index("<end>")] if "<end>" in words else words
        return " ".join(word for word in words if word not in SPECIAL)

    def _start(self, h):
        """The state that begins with h (N, H) and goes on with zeros, where the cell has more parts."""
        xp, further = array_module(h), self.layers["cell"].cell.parts - 1
        return xp.concatenate([h, *[xp.zeros_like(h)] * further], axis=1)
