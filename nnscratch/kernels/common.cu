// What all sources share: REAL, the type of numbers; INDEX, that of counts (wide for huge arrays); and the loop over an array.
#define EACH(i, count)                                                                                  \
    INDEX i = blockIdx.x * (INDEX)blockDim.x + threadIdx.x; i < (count); i += gridDim.x * (INDEX)blockDim.x

// The sum of one number from every thread of a block, which has 256; every thread gets it.
__device__ REAL block_sum(REAL value) {
    __shared__ REAL parts[256];
    int me = threadIdx.x;
    __syncthreads();  // the sum before this one has been read by all
    parts[me] = value;
    for (int half = 128; half; half /= 2) {
        __syncthreads();
        if (me < half) parts[me] += parts[me + half];
    }
    __syncthreads();
    return parts[0];
}
