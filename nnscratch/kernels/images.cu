// Augmentation that moves pixels: one thread for each pixel made. A pixel has BYTES bytes, which are moved as they are.

#if BYTES == 1
typedef unsigned char PIXEL;
#elif BYTES == 2
typedef unsigned short PIXEL;
#elif BYTES == 4
typedef unsigned PIXEL;
#else
typedef unsigned long long PIXEL;
#endif

// out[n] = x[n], or x[n] from right to left where it is chosen; `image` is the number of pixels of x[n], W of a row.
extern "C" __global__ void mirror(const PIXEL* x, const bool* chosen, PIXEL* out, INDEX count, INDEX image, INDEX W) {
    for (EACH(i, count)) {
        INDEX w = i % W;
        out[i] = chosen[i / image] ? x[i - w + (W - 1 - w)] : x[i];
    }
}

// The place among 0 ... size - 1 that a place beyond the edge mirrors, where it lies no further than that.
__device__ INDEX reflected(INDEX place, INDEX size) { return place < 0 ? -place : place < size ? place : 2 * (size - 1) - place; }

// out (N, C, OH, OW): a window of each image x (N, C, H, W), its corner `pad` pixels above and left of (top, left).
extern "C" __global__ void crop(const PIXEL* x, const long long* top, const long long* left, PIXEL* out, INDEX count,
                                INDEX C, INDEX H, INDEX W, INDEX OH, INDEX OW, INDEX pad, bool reflect) {
    for (EACH(i, count)) {
        INDEX plane = i / OW / OH, n = plane / C, h = top[n] - pad + i / OW % OH, w = left[n] - pad + i % OW;
        if (reflect) h = reflected(h, H), w = reflected(w, W);
        out[i] = h >= 0 && h < H && w >= 0 && w < W ? x[(plane * H + h) * W + w] : 0;
    }
}
