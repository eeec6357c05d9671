"""A student's captions."""

import numpy as np

from ..rnn_layers import (
    lstm_backward,
    lstm_forward,
    lstm_step_forward,
    rnn_backward,
    rnn_forward,
    rnn_step_forward,
    temporal_affine_backward,
    temporal_affine_forward,
    temporal_softmax_loss,
    word_embedding_backward,
    word_embedding_forward,
)


class CaptioningRNN:
    def __init__(
        self, word_to_idx, input_dim=512, wordvec_dim=128, hidden_dim=128, cell_type="rnn", dtype=np.float32
    ):
        self.cell_type = cell_type
        self._null, self._start = word_to_idx["<NULL>"], word_to_idx["<START>"]
        V, m = len(word_to_idx), {"lstm": 4, "rnn": 1}[cell_type]
        shapes = {
            "W_embed": (V, wordvec_dim), "W_proj": (input_dim, hidden_dim), "b_proj": (hidden_dim,),
            "Wx": (wordvec_dim, m * hidden_dim), "Wh": (hidden_dim, m * hidden_dim), "b": (m * hidden_dim,),
            "W_vocab": (hidden_dim, V), "b_vocab": (V,),
        }  # fmt: skip
        self.params = {k: 0.1 * np.random.randn(*s).astype(dtype) for k, s in shapes.items()}

    def loss(self, features, captions):
        p, grads = self.params, {}
        told, wanted = captions[:, :-1], captions[:, 1:]
        forward, backward = (
            (lstm_forward, lstm_backward) if self.cell_type == "lstm" else (rnn_forward, rnn_backward)
        )
        h0 = features.dot(p["W_proj"]) + p["b_proj"]
        x, c1 = word_embedding_forward(told, p["W_embed"])
        h, c2 = forward(x, h0, p["Wx"], p["Wh"], p["b"])
        scores, c3 = temporal_affine_forward(h, p["W_vocab"], p["b_vocab"])
        loss, dscores = temporal_softmax_loss(scores, wanted, wanted != self._null)
        dh, grads["W_vocab"], grads["b_vocab"] = temporal_affine_backward(dscores, c3)
        dx, dh0, grads["Wx"], grads["Wh"], grads["b"] = backward(dh, c2)
        grads["W_embed"] = word_embedding_backward(dx, c1)
        grads["W_proj"], grads["b_proj"] = features.T.dot(dh0), dh0.sum(axis=0)
        return loss, grads

    def sample(self, features, max_length=30):
        p = self.params
        captions = np.full((features.shape[0], max_length), self._null)
        h = features.dot(p["W_proj"]) + p["b_proj"]
        c, word = np.zeros_like(h), np.full(features.shape[0], self._start)
        for t in range(max_length):
            x = p["W_embed"][word]
            if self.cell_type == "lstm":
                h, c, _ = lstm_step_forward(x, h, c, p["Wx"], p["Wh"], p["b"])
            else:
                h, _ = rnn_step_forward(x, h, p["Wx"], p["Wh"], p["b"])
            word = (h.dot(p["W_vocab"]) + p["b_vocab"]).argmax(axis=1)
            captions[:, t] = word
        return captions
