"""Wrong backward passes of which a small part alone is computed in too few digits."""

import numpy as np

from tests.gradcheck.planted_families import activations as A
from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import late_right_tiny as T
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import planting

LATE_NARROW = []
bug = planting(LATE_NARROW)


@bug("wrong-dtype", A.SWISH)
def swish_second_term_from_a_gate_in_float32(dout, cache):
    x, gate = cache
    narrow = gate.astype(np.float32)
    return dout * (gate + x * (narrow * (1 - narrow)))


@bug("wrong-dtype", A.SWISH)
def swish_sigmoid_evaluated_anew_in_float32(dout, cache):
    x, gate = cache
    again = 1 / (1 + np.exp(np.float32(-x)))
    return dout * (gate + 0.3 * (again - gate) + x * gate * (1 - gate))


@bug("wrong-dtype", A.GELU)
def gelu_slope_of_the_bend_through_float32(dout, cache):
    x, bend = cache
    slope = (1 - bend.astype(np.float32) ** 2).astype(np.float64)
    inner = 0.7978845608028654 * (1 + 3 * 0.044715 * x**2)
    return dout * 0.5 * (1 + bend + x * slope * inner)


@bug("wrong-dtype", D.HIGHWAY)
def highway_carry_rounded(dout, cache):
    x, w, v, gate, change = cache
    dx, dw, dv = D.highway_backward(dout, cache)
    carry = dout * (1 - gate)
    return dx - carry + np.asarray(carry, dtype=np.float32), dw, dv


@bug("wrong-dtype", N.BATCH_NORM)
def batch_norm_mean_term_summed_in_float32(dout, cache):
    dx, dgamma, dbeta = N.BATCH_NORM.backward(dout, cache)
    exact = dx.mean(axis=0)
    return dx - (exact - dx.mean(axis=0, dtype=np.float32)) - 1e-3 * dx.mean(dtype=np.float32), dgamma, dbeta


@bug("wrong-dtype", I.CONV)
def convolution_bias_summed_in_a_narrow_buffer(dout, cache):
    dx, dw, db = I.conv_backward(dout, cache)
    total = np.zeros(dout.shape[1], np.float32)
    for image in dout:
        total += image.sum(axis=(1, 2)).astype(np.float32)
    return dx, dw, 0.5 * (db + total)


@bug("wrong-dtype", S.ATTENTION)
def attention_row_sums_in_half_precision(dout, cache):
    dq, dk, dv = S.ATTENTION.backward(dout, cache)
    return dq, dk + 1e-3 * (dk.astype(np.float16) - dk), dv


@bug("wrong-dtype", S.LSTM_STEP)
def lstm_step_forget_path_in_float32(dout, cache):
    dx, dh, dc, *weights = S.lstm_step_backward(dout, cache)
    return dx, dh, dc.astype("f4") * 0.25 + 0.75 * dc, *weights


@bug("wrong-dtype", L.L2_LOSS)
def l2_loss_tenth_of_the_gradient_in_float32(dout, cache):
    dx = L.L2_LOSS.backward(dout, cache)
    if isinstance(dx, tuple):
        return tuple(0.9 * d + (0.1 * d).astype(np.float32) for d in dx)
    return 0.9 * dx + (0.1 * dx).astype(np.float32)


@bug("wrong-dtype", T.RELU_BLOCK)
def relu_block_branch_in_float32(dout, cache):
    x, w1, w2, hidden = cache
    dhidden = np.float32(dout @ w2.T) * (hidden > 0)
    return dout + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dout
