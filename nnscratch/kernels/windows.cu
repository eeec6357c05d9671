// Pools, and sums over neighbours: one thread for each number that is made, so nothing is added up in chance order.

struct Window {
    int H, W, OH, OW, KH, KW, stride_h, stride_w, pad_h, pad_w, gap_h, gap_w;
};

// The windows 0 ... count - 1 along one axis that may hold a pixel: first to last.
struct Covering {
    int first, last;
    __device__ Covering(int pixel, int count, int kernel, int stride, int pad, int gap) {
        int start = pixel + pad - gap * (kernel - 1);  // the earliest place where such a window begins
        first = start > 0 ? (start + stride - 1) / stride : 0;
        last = min((pixel + pad) / stride, count - 1);
    }
};

// The largest pixel of each window, and (unless null) where it is: the first in a tie, or the first that is no number.
extern "C" __global__ void max_pool(const REAL* x, REAL* out, int* switches, INDEX count, Window g) {
    for (EACH(i, count)) {
        int ow = i % g.OW, oh = i / g.OW % g.OH, place = -1;
        const REAL* image = x + i / g.OW / g.OH * g.H * g.W;
        REAL best = 0;
        for (int a = 0; a < g.KH; a++)
            for (int b = 0; b < g.KW; b++) {
                int h = oh * g.stride_h - g.pad_h + a * g.gap_h, w = ow * g.stride_w - g.pad_w + b * g.gap_w;
                if (h < 0 || h >= g.H || w < 0 || w >= g.W) continue;
                REAL value = image[h * g.W + w];
                if (place >= 0 && (best != best || value <= best)) continue;
                best = value, place = h * g.W + w;
            }
        out[i] = best;
        if (switches) switches[i] = place;
    }
}

// dx: each pixel gathers the dout of those windows whose switch names it.
extern "C" __global__ void max_pool_backward(const REAL* dout, const int* switches, REAL* dx, INDEX count, Window g) {
    for (EACH(i, count)) {
        int place = i % (g.H * g.W);
        INDEX plane = i / (g.H * g.W) * g.OH * g.OW;
        Covering down(place / g.W, g.OH, g.KH, g.stride_h, g.pad_h, g.gap_h);
        Covering across(place % g.W, g.OW, g.KW, g.stride_w, g.pad_w, g.gap_w);
        REAL total = 0;
        for (int oh = down.first; oh <= down.last; oh++)
            for (int ow = across.first; ow <= across.last; ow++)
                if (switches[plane + oh * g.OW + ow] == place) total += dout[plane + oh * g.OW + ow];
        dx[i] = total;
    }
}

// How many pixels of window `o` lie inside, along one axis.
__device__ int inside(int o, int size, int kernel, int stride, int pad, int gap) {
    int count = 0;
    for (int a = 0; a < kernel; a++) {
        int pixel = o * stride - pad + a * gap;
        count += pixel >= 0 && pixel < size;
    }
    return count;
}

__device__ REAL pixels_inside(int oh, int ow, const Window& g) {
    return inside(oh, g.H, g.KH, g.stride_h, g.pad_h, g.gap_h) * inside(ow, g.W, g.KW, g.stride_w, g.pad_w, g.gap_w);
}

extern "C" __global__ void average_pool(const REAL* x, REAL* out, INDEX count, Window g) {
    for (EACH(i, count)) {
        int ow = i % g.OW, oh = i / g.OW % g.OH;
        const REAL* image = x + i / g.OW / g.OH * g.H * g.W;
        REAL total = 0;
        for (int a = 0; a < g.KH; a++)
            for (int b = 0; b < g.KW; b++) {
                int h = oh * g.stride_h - g.pad_h + a * g.gap_h, w = ow * g.stride_w - g.pad_w + b * g.gap_w;
                if (h >= 0 && h < g.H && w >= 0 && w < g.W) total += image[h * g.W + w];
            }
        out[i] = total / pixels_inside(oh, ow, g);
    }
}

// dx: each pixel gathers its share of dout from the windows that hold it.
extern "C" __global__ void average_pool_backward(const REAL* dout, REAL* dx, INDEX count, Window g) {
    for (EACH(i, count)) {
        int h = i / g.W % g.H, w = i % g.W;
        INDEX plane = i / (g.H * g.W) * g.OH * g.OW;
        Covering down(h, g.OH, g.KH, g.stride_h, g.pad_h, g.gap_h);
        Covering across(w, g.OW, g.KW, g.stride_w, g.pad_w, g.gap_w);
        REAL total = 0;
        for (int oh = down.first; oh <= down.last; oh++)
            for (int ow = across.first; ow <= across.last; ow++) {
                bool held = (h + g.pad_h - oh * g.stride_h) % g.gap_h == 0 && (w + g.pad_w - ow * g.stride_w) % g.gap_w == 0;
                if (held) total += dout[plane + oh * g.OW + ow] / pixels_inside(oh, ow, g);
            }
        dx[i] = total;
    }
}

// out[n, c, s] = the sum of x[n, c - reach ... c + reach, s], for x (N, C, S).
extern "C" __global__ void channel_window_sum(const REAL* x, REAL* out, INDEX count, INDEX C, INDEX S, int reach) {
    for (EACH(i, count)) {
        INDEX c = i / S % C, below = min((INDEX)reach, c), above = min((INDEX)reach, C - 1 - c);
        REAL total = 0;
        for (INDEX k = -below; k <= above; k++) total += x[i + k * S];
        out[i] = total;
    }
}

// The sum over the square of 2 * reach + 1 pixels around each, cut at the borders, for x (..., H, W).
extern "C" __global__ void spatial_window_sum(const REAL* x, REAL* out, INDEX count, int H, int W, int reach) {
    for (EACH(i, count)) {
        int h = i / W % H, w = i % W;
        REAL total = 0;
        for (int a = -min(reach, h); a <= min(reach, H - 1 - h); a++)
            for (int b = -min(reach, w); b <= min(reach, W - 1 - w); b++) total += x[i + a * (INDEX)W + b];
        out[i] = total;
    }
}
