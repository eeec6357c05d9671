// One thread for each number: the backward pass of a ReLU, look-ups' gradients, and the softmax loss row by row.

extern "C" __global__ void relu_backward(const REAL* dout, const REAL* x, REAL* dx, INDEX count) {
    for (EACH(i, count)) dx[i] = x[i] > 0 ? dout[i] : 0;
}

// total[v, d] = the sum of those rows n that were looked up at v; one block for each v goes through all n in order.
extern "C" __global__ void scatter_rows(const REAL* rows, const long long* indexes, REAL* total, INDEX N, INDEX D) {
    for (INDEX d = threadIdx.x; d < D; d += blockDim.x) {
        REAL sum = 0;
        for (INDEX n = 0; n < N; n++)
            if (indexes[n] == blockIdx.x) sum += rows[n * D + d];
        total[blockIdx.x * D + d] = sum;
    }
}

// losses[n] = -log of the right class' probability, and dx = (probabilities - target) / N; one block for each row.
// A label that is no class makes both not a number, as a card cannot stop with an error.
extern "C" __global__ void softmax_loss(const REAL* x, const long long* y, REAL* losses, REAL* dx, INDEX N, INDEX C, REAL smoothing) {
    __shared__ REAL largest[256];
    INDEX n = blockIdx.x;
    const REAL* row = x + n * C;
    REAL most = row[0], total = 0, weighed = 0, nothing = 0;
    for (INDEX c = threadIdx.x; c < C; c += blockDim.x) most = row[c] > most || row[c] != row[c] ? row[c] : most;
    largest[threadIdx.x] = most;
    for (int half = 128; half; half /= 2) {
        __syncthreads();
        if (threadIdx.x >= half) continue;
        REAL other = largest[threadIdx.x + half];
        if (other > largest[threadIdx.x] || other != other) largest[threadIdx.x] = other;
    }
    __syncthreads();
    most = largest[0];
    for (INDEX c = threadIdx.x; c < C; c += blockDim.x) total += exp(row[c] - most);
    total = log(block_sum(total));
    bool wrong = y[n] < 0 || y[n] >= C;
    for (INDEX c = threadIdx.x; c < C; c += blockDim.x) {
        REAL target = smoothing / C + (c == y[n] ? 1 - smoothing : 0), log_probability = row[c] - most - total;
        weighed += target * log_probability;
        dx[n * C + c] = wrong ? nothing / nothing : (exp(log_probability) - target) / N;
    }
    weighed = block_sum(weighed);
    if (threadIdx.x == 0) losses[n] = wrong ? nothing / nothing : -weighed;
}
