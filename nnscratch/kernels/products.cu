// Convolutions and matrix products: tiles of 128 x TILE numbers, made from strips that pass through shared memory.
//
// A convolution is a product of the images' windows (pixels x taps) with the filters (taps x filters). The table
// of windows is never written down: a block reads its strip of it straight from the images ("implicit GEMM",
// Chetlur et al. 2014, sec. 3). The gradient of the images is a product of the same kind, with the filters
// transposed; that of the filters sums over pixels instead of taps.
//
// PRECISION 1 rounds both factors to TF32 and PRECISION 2 to bfloat16, whose numbers TF32 holds exactly; sums are
// float32. Cards from Ampere on multiply them on tensor cores; older ones give the same to rounding, more slowly.

const int ROWS = 128, COLUMNS = TILE, DEPTH = 16, THREADS = 4 * COLUMNS, GAP = 8;  // the gap spares bank conflicts
const int OWN = ROWS * COLUMNS / THREADS;                                          // numbers that a thread makes

#if PRECISION && !defined(NO_TENSOR_CORES) && (defined(EMULATION) || __CUDA_ARCH__ >= 800)
#define TENSOR_CORES 1
#endif

struct Strips {  // of the left and the right factor, both with the summed axis first
    alignas(16) REAL left[DEPTH][ROWS + GAP], right[DEPTH][COLUMNS + GAP];
};

__device__ REAL rounded(REAL value) {
#if PRECISION
    unsigned bits = __float_as_uint(value);
    if ((bits & 0x7f800000u) == 0x7f800000u) return value;  // infinite, or not a number
#if PRECISION == 1
    bits = (bits + 0x1000u) & 0xffffe000u;  // 10 bits of mantissa stay, halves go away from zero
#else
    bits = (bits + 0x7fffu + (bits >> 16 & 1)) & 0xffff0000u;  // 7 bits stay, halves go to even
#endif
    return __uint_as_float(bits);
#else
    return value;
#endif
}

#ifdef TENSOR_CORES
// One warp makes 32 x 32 numbers, as 2 x 4 products of 16 x 8 x 8; PTX manual, "mma.m16n8k8" for the places.
__device__ void multiply(float* c, const unsigned* a, const unsigned* b) {
#ifdef EMULATION
    emulation::mma_16x8x8(c, a, b, __LINE__);
#else
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

__device__ int row_of(int own) { return threadIdx.x / 32 % 4 * 32 + own / 16 * 16 + own / 2 % 2 * 8 + threadIdx.x % 32 / 4; }
__device__ int column_of(int own) { return threadIdx.x / 128 * 32 + own / 4 % 4 * 8 + threadIdx.x % 4 * 2 + own % 2; }

__device__ void add_products(const Strips& strips, REAL* sums) {
    int row = threadIdx.x / 32 % 4 * 32 + threadIdx.x % 32 / 4, column = threadIdx.x / 128 * 32 + threadIdx.x % 32 / 4;
    for (int k = threadIdx.x % 4; k < DEPTH; k += 8) {
        unsigned a[2][4], b[4][2];
#pragma unroll
        for (int i = 0; i < 8; i++) a[i / 4][i % 4] = __float_as_uint(strips.left[k + i / 2 % 2 * 4][row + i / 4 * 16 + i % 2 * 8]);
#pragma unroll
        for (int i = 0; i < 8; i++) b[i / 2][i % 2] = __float_as_uint(strips.right[k + i % 2 * 4][column + i / 2 * 8]);
#pragma unroll
        for (int i = 0; i < 8; i++) multiply(sums + 4 * i, a[i / 4], b[i % 4]);
    }
}
#else
// One thread makes 8 x 4 numbers: rows in two runs of four, as threads that are neighbours then read neighbours.
struct alignas(16) Four { REAL at[4]; };

__device__ int row_of(int own) { return own / 16 * 64 + threadIdx.x % 16 * 4 + own / 4 % 4; }
__device__ int column_of(int own) { return threadIdx.x / 16 * 4 + own % 4; }

__device__ void add_products(const Strips& strips, REAL* sums) {
#pragma unroll
    for (int k = 0; k < DEPTH; k++) {
        Four right = *(const Four*)&strips.right[k][column_of(0)];
        Four left[2] = {*(const Four*)&strips.left[k][row_of(0)], *(const Four*)&strips.left[k][row_of(16)]};
#pragma unroll
        for (int i = 0; i < OWN; i++) sums[i] += left[i / 16].at[i / 4 % 4] * right.at[i % 4];
    }
}
#endif

// Sum over `depth`, strip by strip. A factor gives `left(k, place)` for the place in its strip; the next strips are
// fetched from memory while the present ones are multiplied. `prepare(k)` comes one barrier before strip k is read.
template <bool ROWS_RUN, class Prepare, class Left, class Right>
__device__ void product(Strips& strips, REAL* sums, int begin, int end, Prepare prepare, Left left, Right right) {
    const int LEFTS = DEPTH * ROWS / THREADS, RIGHTS = DEPTH * COLUMNS / THREADS;
    REAL lefts[LEFTS], rights[RIGHTS];
    int me = threadIdx.x;
    // Neighbouring threads read neighbouring rows (ROWS_RUN), or else neighbours along the summed axis.
    auto left_k = [&](int i) { return ROWS_RUN ? me / ROWS + i * (THREADS / ROWS) : me % DEPTH; };
    auto left_row = [&](int i) { return ROWS_RUN ? me % ROWS : me / DEPTH + i * (THREADS / DEPTH); };
    auto right_column = [&](int i) { return me / DEPTH + i * (THREADS / DEPTH); };
    auto fetch = [&](int k) {
#pragma unroll
        for (int i = 0; i < LEFTS; i++) lefts[i] = left(k + left_k(i), left_k(i), left_row(i));
#pragma unroll
        for (int i = 0; i < RIGHTS; i++) rights[i] = right(k + me % DEPTH, me % DEPTH, right_column(i));
    };
    for (int i = 0; i < OWN; i++) sums[i] = 0;
    prepare(begin);
    __syncthreads();
    fetch(begin);
    for (int k = begin; k < end; k += DEPTH) {
        __syncthreads();
        for (int i = 0; i < LEFTS; i++) strips.left[left_k(i)][left_row(i)] = rounded(lefts[i]);
        for (int i = 0; i < RIGHTS; i++) strips.right[me % DEPTH][right_column(i)] = rounded(rights[i]);
        prepare(k + DEPTH);
        __syncthreads();
        if (k + DEPTH < end) fetch(k + DEPTH);
        add_products(strips, sums);
    }
}

// Window (i, j) sees the pixel (i * stride + start + tap * step) / up, where that is a pixel. A convolution has up 1.
// For the gradient of its input, its output and input change places: start, step and up are -pad, -dilation, stride.
struct Geometry {
    int N, C, H, W, F, OH, OW, KH, KW, groups;
    int stride_h, stride_w, start_h, start_w, step_h, step_w, up_h, up_w;
    int filter, channel;  // how far apart in w the filters lie, and the channels
};

// out[n, f, i, j] = b[f] + the sum of w times the pixels that window (i, j) sees; at least `least`.
extern "C" __global__ void __launch_bounds__(THREADS)
convolve(const REAL* x, const REAL* w, const REAL* b, REAL* out, Geometry g, REAL least) {
    __shared__ Strips strips;
    __shared__ int plane[DEPTH], down[DEPTH], across[DEPTH], weight[DEPTH];
    int channels = g.C / g.groups, filters = g.F / g.groups, taps = g.KH * g.KW, depth = channels * taps;
    int group = blockIdx.z, pixels = g.N * g.OH * g.OW;
    int pixel = blockIdx.x * ROWS + threadIdx.x % ROWS;  // the one that this thread reads for
    int place = pixel % (g.OH * g.OW), top = place / g.OW * g.stride_h + g.start_h, left = place % g.OW * g.stride_w + g.start_w;
    const REAL* image = x + ((long long)(pixel / (g.OH * g.OW)) * g.C + group * channels) * g.H * g.W;
    const REAL* own = w + (long long)group * filters * channels * taps;
    REAL sums[OWN];
    product<true>(strips, sums, 0, depth,
        [&](int k) {
            if (threadIdx.x >= DEPTH) return;
            int channel = (k + threadIdx.x) / taps, tap = (k + threadIdx.x) % taps;
            plane[threadIdx.x] = channel * g.H * g.W;
            down[threadIdx.x] = tap / g.KW * g.step_h;
            across[threadIdx.x] = tap % g.KW * g.step_w;
            weight[threadIdx.x] = channel * g.channel + tap;
        },
        [&](int k, int slot, int row) -> REAL {
            int h = top + down[slot], v = left + across[slot];
            if (pixel >= pixels || k >= depth || h < 0 || v < 0) return 0;
            if (g.up_h > 1 || g.up_w > 1) {
                if (h % g.up_h || v % g.up_w) return 0;
                h /= g.up_h, v /= g.up_w;
            }
            return h < g.H && v < g.W ? image[plane[slot] + h * g.W + v] : 0;
        },
        [&](int k, int slot, int column) -> REAL {
            int f = blockIdx.y * COLUMNS + column;
            return k < depth && f < filters ? own[(long long)f * g.filter + weight[slot]] : 0;
        });
#pragma unroll
    for (int i = 0; i < OWN; i++) {
        int p = blockIdx.x * ROWS + row_of(i), f = blockIdx.y * COLUMNS + column_of(i), size = g.OH * g.OW;
        if (p >= pixels || f >= filters) continue;
        f += group * filters;
        REAL value = b ? sums[i] + b[f] : sums[i];
        out[((long long)(p / size) * g.F + f) * size + p % size] = value < least ? least : value;
    }
}

// parts[z, f, c, tap]: the products of dout with the pixels that the tap saw, summed over the z-th run of pixels.
extern "C" __global__ void __launch_bounds__(THREADS)
convolve_weights(const REAL* dout, const REAL* x, REAL* parts, Geometry g, int run) {
    __shared__ Strips strips;
    __shared__ int plane[ROWS], down[ROWS], across[ROWS];
    int channels = g.C / g.groups, filters = g.F / g.groups, taps = g.KH * g.KW, rows = channels * taps;
    int group = blockIdx.z % g.groups, part = blockIdx.z / g.groups, size = g.OH * g.OW, pixels = g.N * size;
    int begin = part * run, end = min(begin + run, pixels);
    for (int i = threadIdx.x; i < ROWS; i += THREADS) {
        int row = blockIdx.x * ROWS + i, tap = row % taps;
        plane[i] = row < rows ? row / taps * g.H * g.W : -1;
        down[i] = tap / g.KW * g.step_h + g.start_h;
        across[i] = tap % g.KW * g.step_w + g.start_w;
    }
    REAL sums[OWN];
    int image = 0, place = 0, top = 0, left = 0;  // of the pixel that this thread reads for
    auto look = [&](int pixel) {
        image = pixel / size, place = pixel % size;
        top = place / g.OW * g.stride_h, left = place % g.OW * g.stride_w;
    };
    product<false>(strips, sums, begin, end,
        [&](int k) { look(k + threadIdx.x % DEPTH); },
        [&](int k, int slot, int row) -> REAL {
            int h = top + down[row], v = left + across[row];
            if (k >= end || plane[row] < 0 || h < 0 || h >= g.H || v < 0 || v >= g.W) return 0;
            return x[((long long)image * g.C + group * channels) * g.H * g.W + plane[row] + h * g.W + v];
        },
        [&](int k, int slot, int column) -> REAL {
            int f = blockIdx.y * COLUMNS + column;
            return k < end && f < filters ? dout[((long long)image * g.F + group * filters + f) * size + place] : 0;
        });
#pragma unroll
    for (int i = 0; i < OWN; i++) {
        int row = blockIdx.x * ROWS + row_of(i), f = blockIdx.y * COLUMNS + column_of(i);
        if (row < rows && f < filters) parts[((long long)part * g.F + group * filters + f) * rows + row] = sums[i];
    }
}

// parts[z] = a b, summed over the z-th run of the common axis: a (M, K), b (K, N), with any distance between numbers.
extern "C" __global__ void __launch_bounds__(THREADS)
multiply_matrices(const REAL* a, const REAL* b, REAL* parts, int M, int N, int K, int run, long long a_row,
                  long long a_column, long long b_row, long long b_column) {
    __shared__ Strips strips;
    REAL sums[OWN];
    int begin = blockIdx.z * run, end = min(begin + run, K);
    product<false>(strips, sums, begin, end, [](int k) {},
        [&](int k, int slot, int row) -> REAL {
            row += blockIdx.x * ROWS;
            return k < end && row < M ? a[row * a_row + k * a_column] : 0;
        },
        [&](int k, int slot, int column) -> REAL {
            column += blockIdx.y * COLUMNS;
            return k < end && column < N ? b[k * b_row + column * b_column] : 0;
        });
#pragma unroll
    for (int i = 0; i < OWN; i++) {
        int row = blockIdx.x * ROWS + row_of(i), column = blockIdx.y * COLUMNS + column_of(i);
        if (row < M && column < N) parts[((long long)blockIdx.z * M + row) * N + column] = sums[i];
    }
}
