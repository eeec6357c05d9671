"""cs231n.classifiers.rnn: captions from the features of images, by a vanilla RNN or an LSTM."""

import numpy as np

from nnscratch.interop.cs231n import layers, rnn_layers

__all__ = ["CaptioningRNN"]


class CaptioningRNN:
    """Features (N, input_dim) become the first hidden state; each word is to be guessed from those before it.

    word_to_idx: the number of each word, among them <NULL>, <START> and <END>. Raises ValueError for a cell_type
    other than "rnn" and "lstm".

    >>> net = CaptioningRNN({"<NULL>": 0, "<START>": 1, "<END>": 2, "cat": 3}, input_dim=5)
    >>> net.sample(np.ones((2, 5)), max_length=4).shape
    (2, 4)
    """

    def __init__(
        self, word_to_idx, input_dim=512, wordvec_dim=128, hidden_dim=128, cell_type="rnn", dtype=np.float32
    ):
        if cell_type not in ("rnn", "lstm"):
            raise ValueError(f"cell_type is {cell_type!r}: give 'rnn' or 'lstm'")
        self.cell_type, self.dtype = cell_type, dtype
        self.word_to_idx = word_to_idx
        self.idx_to_word = {number: word for word, number in word_to_idx.items()}
        self._null, self._start, self._end = (word_to_idx.get(f"<{name}>") for name in ("NULL", "START", "END"))
        V, gates = len(word_to_idx), {"rnn": 1, "lstm": 4}[cell_type]
        shapes = {
            "W_embed": (V, wordvec_dim),
            "W_proj": (input_dim, hidden_dim),
            "Wx": (wordvec_dim, gates * hidden_dim),
            "Wh": (hidden_dim, gates * hidden_dim),
            "W_vocab": (hidden_dim, V),
        }
        biases = {"b_proj": hidden_dim, "b": gates * hidden_dim, "b_vocab": V}
        self.params = {}
        for name, (before, after) in shapes.items():
            scale = 0.01 if name == "W_embed" else before**-0.5
            self.params[name] = (scale * np.random.randn(before, after)).astype(dtype)
        self.params |= {name: np.zeros(size, dtype) for name, size in biases.items()}

    def loss(self, features, captions):
        """Return (loss, grads) for captions (N, T + 1) of features (N, input_dim); <NULL> does not count."""
        params, grads = self.params, {}
        told, wanted = captions[:, :-1], captions[:, 1:]
        forward, backward = {
            "rnn": (rnn_layers.rnn_forward, rnn_layers.rnn_backward),
            "lstm": (rnn_layers.lstm_forward, rnn_layers.lstm_backward),
        }[self.cell_type]
        h0, project = layers.affine_forward(features.astype(self.dtype), params["W_proj"], params["b_proj"])
        words, embed = rnn_layers.word_embedding_forward(told, params["W_embed"])
        h, cell = forward(words, h0, params["Wx"], params["Wh"], params["b"])
        scores, vocab = rnn_layers.temporal_affine_forward(h, params["W_vocab"], params["b_vocab"])
        loss, dscores = rnn_layers.temporal_softmax_loss(scores, wanted, wanted != self._null)

        dh, grads["W_vocab"], grads["b_vocab"] = rnn_layers.temporal_affine_backward(dscores, vocab)
        dwords, dh0, grads["Wx"], grads["Wh"], grads["b"] = backward(dh, cell)
        grads["W_embed"] = rnn_layers.word_embedding_backward(dwords, embed)
        _, grads["W_proj"], grads["b_proj"] = layers.affine_backward(dh0, project)
        return loss, grads

    def sample(self, features, max_length=30):
        """Captions (N, max_length), whole numbers: the likeliest word each time; after <END> only <NULL>."""
        params, N = self.params, len(features)
        h, _ = layers.affine_forward(features.astype(self.dtype), params["W_proj"], params["b_proj"])
        c, ended = np.zeros_like(h), np.zeros(N, bool)
        word, captions = np.full(N, self._start), np.full((N, max_length), self._null)
        recurrent = params["Wx"], params["Wh"], params["b"]
        for t in range(max_length):
            x = params["W_embed"][word]
            if self.cell_type == "rnn":
                h, _ = rnn_layers.rnn_step_forward(x, h, *recurrent)
            else:
                h, c, _ = rnn_layers.lstm_step_forward(x, h, c, *recurrent)
            word = (h @ params["W_vocab"] + params["b_vocab"]).argmax(axis=1)
            captions[~ended, t] = word[~ended]
            ended |= word == self._end
        return captions
