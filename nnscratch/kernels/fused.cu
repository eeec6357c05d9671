// Layers' formulas in one pass over memory each: activations, and LRN. The formulas' home is nnscratch/layers.

template <class Formula>
__device__ void map(REAL* out, INDEX count, Formula formula) {
    for (EACH(i, count)) out[i] = formula(i);
}

__device__ REAL sigmoid(REAL x) {
    REAL small = exp(-abs(x));
    return (x >= 0 ? 1 : small) / (1 + small);
}

extern "C" __global__ void leaky_relu_forward(const REAL* x, REAL* out, INDEX count, REAL slope) {
    map(out, count, [=](INDEX i) { return x[i] > 0 ? x[i] : slope * x[i]; });
}

extern "C" __global__ void leaky_relu_backward(const REAL* dout, const REAL* x, REAL* dx, INDEX count, REAL slope) {
    map(dx, count, [=](INDEX i) { return x[i] > 0 ? dout[i] : slope * dout[i]; });
}

extern "C" __global__ void elu_forward(const REAL* x, REAL* out, INDEX count, REAL alpha) {
    map(out, count, [=](INDEX i) { return x[i] > 0 ? x[i] : alpha * expm1(x[i]); });
}

extern "C" __global__ void elu_backward(const REAL* dout, const REAL* x, const REAL* out, REAL* dx, INDEX count, REAL alpha) {
    map(dx, count, [=](INDEX i) { return x[i] > 0 ? dout[i] : dout[i] * (out[i] + alpha); });
}

extern "C" __global__ void gelu_forward(const REAL* x, REAL* out, REAL* bend, INDEX count, REAL scale, REAL cubic) {
    map(out, count, [=](INDEX i) {
        bend[i] = tanh(scale * (x[i] + cubic * x[i] * x[i] * x[i]));
        return x[i] / 2 * (1 + bend[i]);
    });
}

extern "C" __global__ void gelu_backward(const REAL* dout, const REAL* x, const REAL* bend, REAL* dx, INDEX count,
                                         REAL scale, REAL cubic) {
    map(dx, count, [=](INDEX i) {
        REAL inner = scale * (1 + 3 * cubic * x[i] * x[i]);
        return dout[i] / 2 * (1 + bend[i] + x[i] * (1 - bend[i] * bend[i]) * inner);
    });
}

extern "C" __global__ void sigmoid_forward(const REAL* x, REAL* out, INDEX count) {
    map(out, count, [=](INDEX i) { return sigmoid(x[i]); });
}

extern "C" __global__ void sigmoid_backward(const REAL* dout, const REAL* out, REAL* dx, INDEX count) {
    map(dx, count, [=](INDEX i) { return dout[i] * out[i] * (1 - out[i]); });
}

extern "C" __global__ void tanh_backward(const REAL* dout, const REAL* out, REAL* dx, INDEX count) {
    map(dx, count, [=](INDEX i) { return dout[i] * (1 - out[i] * out[i]); });
}

extern "C" __global__ void softplus_forward(const REAL* x, REAL* out, INDEX count) {
    map(out, count, [=](INDEX i) { return (x[i] < 0 ? 0 : x[i]) + log1p(exp(-abs(x[i]))); });
}

extern "C" __global__ void softplus_backward(const REAL* dout, const REAL* x, REAL* dx, INDEX count) {
    map(dx, count, [=](INDEX i) { return dout[i] * sigmoid(x[i]); });
}

// The sum of term(j) over number i and its neighbours, up to `reach` channels away, in arrays (N, C, S).
template <class Term>
__device__ REAL over_channels(INDEX i, INDEX C, INDEX S, int reach, Term term) {
    INDEX c = i / S % C, first = c < reach ? 0 : c - reach, last = c + reach < C ? c + reach : C - 1;
    REAL total = 0;
    for (INDEX k = first; k <= last; k++) total += term(i + (k - c) * S);
    return total;
}

extern "C" __global__ void lrn_forward(const REAL* x, REAL* out, REAL* damping, INDEX count, INDEX C, INDEX S, int reach,
                                       REAL alpha, REAL beta, REAL k) {
    map(out, count, [=](INDEX i) {
        damping[i] = k + alpha * over_channels(i, C, S, reach, [=](INDEX j) { return x[j] * x[j]; });
        return x[i] * pow(damping[i], -beta);
    });
}

extern "C" __global__ void lrn_backward(const REAL* dout, const REAL* x, const REAL* out, const REAL* damping, REAL* dx,
                                        INDEX count, INDEX C, INDEX S, int reach, REAL alpha, REAL beta) {
    map(dx, count, [=](INDEX i) {
        REAL shared = over_channels(i, C, S, reach, [=](INDEX j) { return dout[j] * out[j] / damping[j]; });
        return dout[i] * pow(damping[i], -beta) - 2 * alpha * beta * x[i] * shared;
    });
}
