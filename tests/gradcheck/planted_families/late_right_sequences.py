"""Correct layers of sequences added late, and known ones at hard points: tiny, saturated, offset and mixed."""

import numpy as np

from tests.gradcheck.planted_families import late_layers_attention as A
from tests.gradcheck.planted_families import late_layers_recurrent as R
from tests.gradcheck.planted_families import late_layers_sequences as Q
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import normal
from tests.gradcheck.planted_families.hard_points import at, mixed
from tests.gradcheck.planted_families.late_right_images import scaled, scattered, shifted


def saturated_gru(rng):
    h0, x, w, u, b = R.GRU.inputs(rng)
    return h0, x, w, u, b + 14 * np.repeat(rng.choice([-1.0, 1.0], 3), 3)


def on_the_corner(rng):
    x, w, u, b = R.OWN_RNN.inputs(rng)
    x[0], b[:] = 0, 0
    return x, w, u, b


def fading_tables(rng):
    words, y, emb, *rest = Q.LANGUAGE.inputs(rng)
    return words, y, emb * 10.0 ** -np.arange(0, 10, 2)[:, None], *rest


def equal_keys(rng):
    q, k, v = S.ATTENTION.inputs(rng)
    return q, np.repeat(k[:, :1], 5, axis=1), v


SEQUENCE_HARD_POINTS = [
    at("RNN of tiny recurrent weights", S.RNN, scaled(S.RNN, 1, 1, 1, 1e-7, 1)),
    at("RNN of tiny inputs and weights", S.RNN, scaled(S.RNN, 1e-4, 1e-4, 1e-4, 1, 1e-8)),
    at("RNN of scattered scales", S.RNN, scattered(S.RNN, -5, 2)),
    at("RNN nearly saturated", S.RNN, scaled(S.RNN, 1, 1, 4, 4, 4)),
    at("RNN step beside a large offset", S.RNN_STEP, lambda rng: (
        *(a * s for a, s in zip(S.RNN_STEP.inputs(rng), (1e6, 1, 1e-6, 1, 1))),)),
    at("LSTM of tiny weights", S.LSTM, scaled(S.LSTM, 1, 1, 1e-6, 1e-6, 1e-6)),
    at("LSTM of a tiny first state", S.LSTM, scaled(S.LSTM, 1, 1e-8, 1, 1, 1)),
    at("LSTM step of a huge cell", S.LSTM_STEP, scaled(S.LSTM_STEP, 1, 1, 12, 1, 1, 1)),
    at("LSTM step with tiny peepholes", R.PEEPHOLE, scaled(R.PEEPHOLE, 1, 1, 1, 1, 1e-7, 1)),
    at("GRU step of tiny weights", S.GRU_STEP, scaled(S.GRU_STEP, 1, 1, 1e-5, 1e-5, 1e-5)),
    at("GRU over time, gates saturated", R.GRU, saturated_gru),
    at("GRU over time of tiny recurrent weights", R.GRU, scaled(R.GRU, 1, 1, 1, 1e-6, 1)),
    at("both directions, one of them faint", R.TWO_WAY, scaled(R.TWO_WAY, 1, 1, 1, 1, 1, 1e-6, 1e-6, 1e-6)),
    at("RNN that pauses, tiny weights", R.PAUSED, lambda rng: (
        *(a if a.dtype == bool else a * s for a, s in zip(R.PAUSED.inputs(rng), (1, 1, 1e-5, 1e-5, 1, 1))),)),
    at("leaky RNN that hardly leaks", R.LEAKY_RNN, scaled(R.LEAKY_RNN, 1, 1, 1, 1e-7)),
    at("separate units at their corner", R.OWN_RNN, on_the_corner),
    at("separate units of tiny loops", R.OWN_RNN, scaled(R.OWN_RNN, 1, 1, 1e-4, 1)),
    at("state space layer that forgets at once", R.STATE_SPACE, shifted(R.STATE_SPACE, 0, -14, 0, 0, 0)),
    at("state space layer that never forgets", R.STATE_SPACE, shifted(R.STATE_SPACE, 0, 14, 0, 0, 0)),
    at("state space layer of a tiny readout", R.STATE_SPACE, scaled(R.STATE_SPACE, 1, 1, 1, 1e-8, 1)),
    at("running average of a long memory", R.AVERAGE, normal((6, 3), (3,)), options={"keep": 1 - 1e-6}),
    at("stacked RNN of fading layers", R.STACKED, scaled(R.STACKED, 1, 1, 1, 1, 1e-3, 1e-3, 1e-5)),
    at("attention of equal keys", S.ATTENTION, equal_keys),
    at("attention that is saturated", S.ATTENTION, scaled(S.ATTENTION, 4, 4, 1)),
    at("attention of tiny queries", S.ATTENTION, scaled(S.ATTENTION, 1e-7, 1, 1)),
    at("attention to values beside an offset", S.ATTENTION, shifted(S.ATTENTION, 0, 0, 1e6)),
    at("causal attention of mixed scales", S.CAUSAL_ATTENTION, mixed((2, 4, 2), (2, 4, 2), (2, 4, 2)),
       options={"causal": True}),
    at("self-attention of tiny projections", S.SELF_ATTENTION, scaled(S.SELF_ATTENTION, 1, 1e-3, 1e-3, 1)),
    at("self-attention of faint words", S.SELF_ATTENTION, scaled(S.SELF_ATTENTION, 1e-5, 1, 1, 1)),
    at("several heads, tiny weights", A.HEADS, scaled(A.HEADS, 1, 1e-3, 1)),
    at("additive attention, saturated", A.ADDITIVE, scaled(A.ADDITIVE, 1, 1, 1, 6, 6, 6)),
    at("additive attention of a tiny readout", A.ADDITIVE, scaled(A.ADDITIVE, 1, 1, 1, 1, 1, 1e-6)),
    at("linear attention of low keys", A.LINEAR, shifted(A.LINEAR, 0, -9, 0)),
    at("attention at a high temperature", A.TEMPERED, scaled(A.TEMPERED, 1, 1, 1, 1e4)),
    at("attention at a low temperature", A.TEMPERED, scaled(A.TEMPERED, 1, 1, 1, 0.05)),
    at("attention pool of tiny words", A.POOLED, scaled(A.POOLED, 1e-6, 1)),
    at("rotary positions of one pair", A.TURNED, normal((1, 3, 2))),
    at("transformer half block of tiny values", A.TRANSFORMER, scaled(A.TRANSFORMER, 1, 1, 1, 1, 1, 1e-7)),
    at("transformer half block of faint scores", A.TRANSFORMER, scaled(A.TRANSFORMER, 1, 1, 1, 1e-3, 1e-3, 1)),
    at("temporal softmax loss, nearly sure", Q.WORD_LOSS, lambda rng: (
        lambda x, y, mask: (x + 14 * (np.arange(5) == y[..., None]), y, mask))(*Q.WORD_LOSS.inputs(rng))),
    at("temporal softmax loss of no words", Q.WORD_LOSS, lambda rng: (
        *Q.WORD_LOSS.inputs(rng)[:2], np.zeros((3, 4), bool))),
    at("smoothed loss beside an offset", Q.SMOOTHED_LOSS, shifted(Q.SMOOTHED_LOSS, 1e6, 0)),
    at("perplexity that is huge", Q.PERPLEXITY, scaled(Q.PERPLEXITY, 9, 1)),
    at("chain loss that is nearly sure", Q.CHAIN, lambda rng: (
        lambda x, moves, y: (x + 12 * (np.arange(3) == y[..., None]), moves, y))(*Q.CHAIN.inputs(rng))),
    at("contrastive loss of tiny rows", Q.CONTRAST, scaled(Q.CONTRAST, 1e-5, 1e-5)),
    at("steadiness loss beside an offset", Q.STEADY, shifted(Q.STEADY, 1e5)),
    at("running sum of mixed scales", Q.RUNNING_SUM, mixed((2, 5, 3))),
    at("bag of one word", Q.BAG, lambda rng: (rng.integers(0, 5, (3, 1)), *normal((6, 3))(rng), np.ones((3, 1)))),
    at("language model of fading vectors", Q.LANGUAGE, fading_tables),
]  # fmt: skip

LATE_RIGHT_SEQUENCES = (
    R.LATE_RECURRENT_LAYERS + A.LATE_ATTENTION_LAYERS + Q.LATE_SEQUENCE_LAYERS + SEQUENCE_HARD_POINTS
)
