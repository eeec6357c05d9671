// Random numbers that are a function of a key and a place alone: Philox 4x32-10 (Salmon et al. 2011, sec. 3.3).

struct Key {  // two numbers; one that has an address lies on the card, so that a captured graph reads it anew
    unsigned long long words[2];
    const long long* places[2];
    __device__ unsigned long long word(int i) const { return places[i] ? *places[i] : words[i]; }
};

struct Draw { unsigned at[4]; };

__device__ Draw philox(Draw counter, unsigned key, unsigned key_high) {
    unsigned* c = counter.at;
    for (int round = 0; round < 10; round++) {
        unsigned high = __umulhi(0xD2511F53u, c[0]), low = 0xD2511F53u * c[0];
        unsigned high_2 = __umulhi(0xCD9E8D57u, c[2]), low_2 = 0xCD9E8D57u * c[2];
        c[0] = high_2 ^ c[1] ^ key, c[1] = low_2;
        c[2] = high ^ c[3] ^ key_high, c[3] = low;
        key += 0x9E3779B9u, key_high += 0xBB67AE85u;
    }
    return counter;
}

// The four draws of 32 bits for numbers 4 * i ... 4 * i + 3: the key's first number is Philox' key, its second
// and the place are the counter.
__device__ Draw draw(unsigned long long i, const Key& key) {
    unsigned long long first = key.word(0), second = key.word(1);
    Draw counter = {{(unsigned)i, (unsigned)(i >> 32), (unsigned)second, (unsigned)(second >> 32)}};
    return philox(counter, (unsigned)first, (unsigned)(first >> 32));
}

__device__ float uniform_of(unsigned bits) { return (bits >> 8) * (1.0f / (1 << 24)); }  // in [0, 1)

extern "C" __global__ void random_uniform(float* out, INDEX count, Key key) {  // one draw for each number
    for (EACH(i, count)) out[i] = uniform_of(draw(i, key).at[0]);
}

extern "C" __global__ void dropout_mask(REAL* mask, INDEX count, Key key, float drop, REAL scale) {
    for (EACH(i, (count + 3) / 4)) {
        Draw drawn = draw(i, key);
        for (int k = 0; k < 4 && 4 * i + k < count; k++) mask[4 * i + k] = uniform_of(drawn.at[k]) >= drop ? scale : 0;
    }
}
