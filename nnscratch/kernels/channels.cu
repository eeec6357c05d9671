// Norms over channels and over groups of them: arrays (N, C, S), where S numbers of a channel lie side by side.
//
// A sum takes two launches: each block adds up one run of one channel's N * S numbers, and then one thread for each
// channel joins what the blocks found, always in the same order, so that the same input gives the same bits.

// What block (c, p) adds up: numbers p * run ... of channel c, number e of the channel being x[place(e)].
struct Run {
    INDEX C, S, begin, end;
    __device__ Run(INDEX N, INDEX C, INDEX S, INDEX run) : C(C), S(S), begin(blockIdx.y * run), end(min(begin + run, N * S)) {}
    __device__ INDEX place(INDEX e) const { return (e / S * C + blockIdx.x) * S + e % S; }
    __device__ void store(double* totals, REAL total, REAL products) const {  // the block's sums, into (2, parts, C)
        total = block_sum(total);
        products = block_sum(products);
        if (threadIdx.x) return;
        totals[blockIdx.y * C + blockIdx.x] = total;
        totals[(gridDim.y + blockIdx.y) * C + blockIdx.x] = products;
    }
};

// The mean of each run and its sum of squared deviations. The mean is rounded; the deviations' own mean says by how much.
extern "C" __global__ void moments(const REAL* x, double* means, double* squares, INDEX N, INDEX C, INDEX S, INDEX run) {
    Run mine(N, C, S, run);
    REAL total = 0, apart = 0, square = 0;
    for (INDEX e = mine.begin + threadIdx.x; e < mine.end; e += blockDim.x) total += x[mine.place(e)];
    INDEX count = mine.end - mine.begin;
    REAL centre = block_sum(total) / count;
    for (INDEX e = mine.begin + threadIdx.x; e < mine.end; e += blockDim.x) {
        REAL deviation = x[mine.place(e)] - centre;
        apart += deviation;
        square += deviation * deviation;
    }
    double rounded = (double)block_sum(apart) / count;
    REAL sum = block_sum(square);
    if (threadIdx.x) return;
    means[blockIdx.y * C + blockIdx.x] = centre + rounded;
    squares[blockIdx.y * C + blockIdx.x] = sum - rounded * rounded * count;
}

// The moments of two runs give those of both together (Chan, Golub & LeVeque 1983, eq. 2.1).
extern "C" __global__ void join_moments(const double* means, const double* squares, REAL* mean, REAL* var, INDEX count,
                                        INDEX C, INDEX parts, INDEX run) {
    for (EACH(c, C)) {
        double middle = 0, square = 0, seen = 0;
        for (INDEX p = 0; p < parts; p++) {
            double more = min(run, count - p * run), both = seen + more, apart = means[p * C + c] - middle;
            square += squares[p * C + c] + apart * apart * (seen * more / both);
            middle += apart * (more / both);
            seen = both;
        }
        mean[c] = middle;
        var[c] = square / count;
    }
}

// The backward pass of a ReLU that came after `affine`: x counts where that gave more than 0.
__device__ REAL gated(REAL x, REAL apart, const REAL* scale, const REAL* shift, INDEX c) {
    return !scale || apart * scale[c] + shift[c] > 0 ? x : 0;
}

// For each run the sum of x and, where there is y, of x * (y - centre): totals (2, parts, C).
extern "C" __global__ void sums(const REAL* x, const REAL* y, const REAL* centre, const REAL* scale, const REAL* shift,
                                double* totals, INDEX N, INDEX C, INDEX S, INDEX run) {
    Run mine(N, C, S, run);
    REAL total = 0, products = 0;
    for (INDEX e = mine.begin + threadIdx.x; e < mine.end; e += blockDim.x) {
        INDEX i = mine.place(e);
        REAL apart = y ? y[i] - centre[blockIdx.x] : 0, value = gated(x[i], apart, scale, shift, blockIdx.x);
        total += value;
        products += gated(x[i] * apart, apart, scale, shift, blockIdx.x);
    }
    mine.store(totals, total, products);
}

extern "C" __global__ void join_sums(const double* totals, REAL* out, INDEX C, INDEX parts) {
    for (EACH(i, 2 * C)) {
        double total = 0;
        for (INDEX p = 0; p < parts; p++) total += totals[(i / C * parts + p) * C + i % C];
        out[i] = total;
    }
}

// out = (x - centre) * scale + shift, and at least `least`.
extern "C" __global__ void affine(const REAL* x, const REAL* scale, const REAL* shift, const REAL* centre, REAL* out,
                                  REAL least, INDEX count, INDEX C, INDEX S) {
    for (EACH(i, count)) {
        INDEX c = i / S % C;
        REAL value = (x[i] - centre[c]) * scale[c] + shift[c];
        out[i] = value < least ? least : value;
    }
}

// out = a * x + b * (y - centre) + c.
extern "C" __global__ void blend(const REAL* x, const REAL* a, const REAL* y, const REAL* b, const REAL* c,
                                 const REAL* centre, const REAL* scale, const REAL* shift, REAL* out, INDEX count,
                                 INDEX C, INDEX S) {
    for (EACH(i, count)) {
        INDEX k = i / S % C;
        REAL apart = y[i] - centre[k];
        out[i] = a[k] * gated(x[i], apart, scale, shift, k) + b[k] * apart + c[k];
    }
}

// One group of channels of one example, whose numbers lie side by side; there is a block for each, example by example.
struct Group {
    INDEX S, begin, count, channel;
    __device__ Group(INDEX C, INDEX S, INDEX groups)
        : S(S), begin(blockIdx.x * (C / groups * S)), count(C / groups * S), channel(blockIdx.x % groups * (C / groups)) {}
    __device__ INDEX channel_of(INDEX e) const { return channel + e / S; }
};

// out = gamma * (x - mean) / sqrt(var + eps) + beta, with the mean and the variance of the group.
extern "C" __global__ void group_norm(const REAL* x, const REAL* gamma, const REAL* beta, REAL* out, REAL* mean,
                                      REAL* inv_std, INDEX C, INDEX S, INDEX groups, REAL eps) {
    Group mine(C, S, groups);
    x += mine.begin, out += mine.begin;
    REAL total = 0, apart = 0, square = 0;
    for (INDEX e = threadIdx.x; e < mine.count; e += blockDim.x) total += x[e];
    REAL centre = block_sum(total) / mine.count;
    for (INDEX e = threadIdx.x; e < mine.count; e += blockDim.x) {
        REAL deviation = x[e] - centre;
        apart += deviation;
        square += deviation * deviation;
    }
    REAL rounded = block_sum(apart) / mine.count;
    REAL scale = 1 / sqrt(block_sum(square) / mine.count - rounded * rounded + eps);
    centre += rounded;
    for (INDEX e = threadIdx.x; e < mine.count; e += blockDim.x) {
        INDEX c = mine.channel_of(e);
        out[e] = (x[e] - centre) * scale * gamma[c] + beta[c];
    }
    if (threadIdx.x) return;
    mean[blockIdx.x] = centre;
    inv_std[blockIdx.x] = scale;
}

// dx = (dx_hat - its mean - x_hat * the mean of dx_hat * x_hat) * inv_std, with dx_hat = gamma * dout.
extern "C" __global__ void group_norm_backward(const REAL* dout, const REAL* x, const REAL* gamma, const REAL* mean,
                                               const REAL* inv_std, REAL* dx, INDEX C, INDEX S, INDEX groups) {
    Group mine(C, S, groups);
    dout += mine.begin, x += mine.begin, dx += mine.begin;
    REAL centre = mean[blockIdx.x], scale = inv_std[blockIdx.x], total = 0, products = 0;
    for (INDEX e = threadIdx.x; e < mine.count; e += blockDim.x) {
        REAL weighed = gamma[mine.channel_of(e)] * dout[e];
        total += weighed;
        products += weighed * ((x[e] - centre) * scale);
    }
    total = block_sum(total) / mine.count;
    products = block_sum(products) / mine.count;
    for (INDEX e = threadIdx.x; e < mine.count; e += blockDim.x)
        dx[e] = (gamma[mine.channel_of(e)] * dout[e] - total - (x[e] - centre) * scale * products) * scale;
}

// For each run the sum of dout and of dout * x_hat, for `join_sums`: totals (2, parts, C).
extern "C" __global__ void group_norm_sums(const REAL* dout, const REAL* x, const REAL* mean, const REAL* inv_std,
                                           double* totals, INDEX N, INDEX C, INDEX S, INDEX groups, INDEX run) {
    Run mine(N, C, S, run);
    REAL total = 0, products = 0;
    for (INDEX e = mine.begin + threadIdx.x; e < mine.end; e += blockDim.x) {
        INDEX i = mine.place(e), group = e / S * groups + blockIdx.x / (C / groups);
        total += dout[i];
        products += dout[i] * ((x[i] - mean[group]) * inv_std[group]);
    }
    mine.store(totals, total, products);
}
