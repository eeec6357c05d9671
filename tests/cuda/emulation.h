// CUDA's words in plain C++: a block's threads are coroutines, so barriers and warp exchanges are the real thing.
#pragma once
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmath>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#define EMULATION 1
#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
#ifdef __linux__  // a section of its own, so that each block finds garbage (NaN) in its shared memory, as on a card
#define __shared__ static __attribute__((section("shared_memory")))
extern "C" char __start_shared_memory[] __attribute__((weak)), __stop_shared_memory[] __attribute__((weak));
#else
#define __shared__ static
#endif

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; };
static uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;
static const int warpSize = 32;

// ---- the scheduler: a fiber runs one thread after another; when a thread waits, the next ones get a fresh fiber ----

namespace emulation {
const int most_threads = 1024, stack_bytes = 1 << 16;
struct Meeting { int arrived, generation, line; };               // a barrier of the block or of one warp
struct Fiber { jmp_buf place; ucontext_t birth; char* stack; bool born, waiting; Meeting* meeting; int generation; uint3 thread; };

static Fiber fibers[most_threads];
static int fiber, started, finished, threads, used;
static bool backwards;
static Meeting block_meeting, warp_meetings[most_threads / 32];
static jmp_buf scheduler;
static ucontext_t main_context;
static void (*body)(void*);
static void* body_arguments;
static std::string complaint;

static int number_of(uint3 t) { return t.x + blockDim.x * (t.y + blockDim.y * t.z); }
static int this_thread() { return number_of(threadIdx); }

static void start_thread(int number) {
    int i = backwards ? threads - 1 - number : number;
    threadIdx = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
}

static void run_threads() {                                       // what every fiber does
    while (started < threads) {
        start_thread(started++);
        body(body_arguments);
        finished++;
    }
    fibers[fiber].waiting = false;
    _longjmp(scheduler, 1);
}

static void resume(int i) {
    fiber = i;
    Fiber& f = fibers[i];
    if (_setjmp(scheduler)) return;
    if (f.waiting) {
        f.waiting = false;
        threadIdx = f.thread;
        _longjmp(f.place, 1);
    }
    if (!f.stack) f.stack = (char*)malloc(stack_bytes);
    getcontext(&f.birth);
    f.birth.uc_stack.ss_sp = f.stack;
    f.birth.uc_stack.ss_size = stack_bytes;
    f.birth.uc_link = &main_context;
    makecontext(&f.birth, run_threads, 0);
    setcontext(&f.birth);
}

static void meet(Meeting& m, int members, int line) {
    if (m.arrived && m.line != line && complaint.empty())
        complaint = "threads wait at different barriers, lines " + std::to_string(m.line) + " and " + std::to_string(line);
    m.line = line;
    if (++m.arrived == members) {
        m.arrived = 0;
        m.generation++;
        return;                                                   // the last to come walks on; the others follow
    }
    Fiber& f = fibers[fiber];
    f.meeting = &m, f.generation = m.generation, f.thread = threadIdx, f.waiting = true;
    if (_setjmp(f.place) == 0) _longjmp(scheduler, 1);
}

static void meet_warp(int line) {
    int warp = this_thread() / 32, members = threads - 32 * warp;
    meet(warp_meetings[warp], members < 32 ? members : 32, line);
}

static void run_block() {
    started = finished = used = 0;
    block_meeting = {};
    for (Meeting& m : warp_meetings) m = {};
#ifdef __linux__
    if (__start_shared_memory) memset(__start_shared_memory, 0xff, __stop_shared_memory - __start_shared_memory);
#endif
    while (finished < threads && complaint.empty()) {
        bool progress = false;
        for (int i = 0; i < used; i++) {
            int j = backwards ? used - 1 - i : i;
            Fiber& f = fibers[j];
            if (f.waiting && f.meeting->generation != f.generation) resume(j), progress = true;
        }
        if (started < threads) {
            fibers[used].waiting = false;
            resume(used++), progress = true;
        }
        if (!progress) complaint = "some threads wait at the barrier of line " + std::to_string(block_meeting.line) +
                                   " for others that have left or wait elsewhere";
    }
}

// ---- calling a kernel with arguments that Python packed ----

template <class T> std::string kind() {
    if constexpr (std::is_pointer_v<T>) {
        using Element = std::remove_cv_t<std::remove_pointer_t<T>>;
        if constexpr (std::is_void_v<Element>) return "*v ";
        else return "*" + kind<Element>();
    } else if constexpr (std::is_class_v<T>) {
        return "V" + std::to_string(sizeof(T)) + " ";
    } else {
        const char* family = std::is_same_v<T, bool> ? "b" : std::is_floating_point_v<T> ? "f" : std::is_signed_v<T> ? "i" : "u";
        return family + std::to_string(sizeof(T)) + " ";
    }
}
template <class... A> std::string signature_of(void (*)(A...)) { return (std::string() + ... + kind<std::remove_cv_t<A>>()); }

template <class... A, size_t... I> void call(void (*kernel)(A...), void** packed, std::index_sequence<I...>) {
    kernel(*(std::remove_cv_t<A>*)packed[I]...);
}

template <class... A> const char* launch(void (*kernel)(A...), const unsigned* shape, void** packed, bool from_the_end) {
    struct Call { void (*kernel)(A...); void** packed; } arguments = {kernel, packed};
    body = [](void* p) { call(((Call*)p)->kernel, ((Call*)p)->packed, std::index_sequence_for<A...>()); };
    body_arguments = &arguments;
    gridDim = {shape[0], shape[1], shape[2]}, blockDim = {shape[3], shape[4], shape[5]};
    threads = blockDim.x * blockDim.y * blockDim.z;
    backwards = from_the_end;
    complaint.clear();
    long blocks = (long)gridDim.x * gridDim.y * gridDim.z;
    for (long n = 0; n < blocks && complaint.empty(); n++) {
        long b = backwards ? blocks - 1 - n : n;
        blockIdx = {unsigned(b % gridDim.x), unsigned(b / gridDim.x % gridDim.y), unsigned(b / ((long)gridDim.x * gridDim.y))};
        run_block();
    }
    return complaint.c_str();
}
}  // namespace emulation

#define EMULATE(name)                                                                                                \
    extern "C" const char* launch_##name(const unsigned* shape, void** packed, bool from_the_end) {                  \
        return emulation::launch(name, shape, packed, from_the_end);                                                 \
    }                                                                                                                \
    extern "C" const char* signature_##name() {                                                                      \
        static std::string text = emulation::signature_of(name);                                                     \
        return text.c_str();                                                                                         \
    }

// ---- what kernels may call ----

#define __syncthreads() emulation::meet(emulation::block_meeting, emulation::threads, __LINE__)
#define __syncwarp(...) emulation::meet_warp(__LINE__)
#define __shfl_sync(mask, value, lane) emulation::exchange(value, emulation::this_thread() / 32 * 32 + (lane), __LINE__)
#define __shfl_xor_sync(mask, value, bits) emulation::exchange(value, emulation::this_thread() ^ (bits), __LINE__)

namespace emulation {
template <class T> T exchange(T value, int source, int line) {
    static char slots[most_threads * sizeof(double)];
    memcpy(slots + this_thread() * sizeof(double), &value, sizeof(T));
    meet_warp(line);
    T received = value;                                           // a lane that does not exist gives one's own value
    if (source < threads) memcpy(&received, slots + source * sizeof(double), sizeof(T));
    meet_warp(line);
    return received;
}

// mma.sync.m16n8k8 on TF32: the layout of the fragments as the PTX manual draws it; each lane gives 4 + 2 numbers.
inline void mma_16x8x8(float* c, const unsigned* a, const unsigned* b, int line) {
    static float A[most_threads / 32][16][8], B[most_threads / 32][8][8];
    int warp = this_thread() / 32, lane = this_thread() % 32, group = lane / 4, member = lane % 4;
    auto number = [](unsigned bits) { float f; bits &= 0xffffe000u; memcpy(&f, &bits, 4); return f; };
    for (int i = 0; i < 4; i++) A[warp][group + 8 * (i % 2)][member + 4 * (i / 2)] = number(a[i]);
    for (int i = 0; i < 2; i++) B[warp][member + 4 * i][group] = number(b[i]);
    meet_warp(line);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 8; k++) c[i] += A[warp][group + 8 * (i / 2)][k] * B[warp][k][2 * member + i % 2];
    meet_warp(line);
}
}  // namespace emulation

template <class T> T atomicAdd(T* place, T value) { T old = *place; *place += value; return old; }
template <class T> T atomicMax(T* place, T value) { T old = *place; if (value > old) *place = value; return old; }
template <class T> T __ldg(const T* place) { return *place; }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((unsigned long long)a * b >> 32); }
inline unsigned __float_as_uint(float x) { unsigned bits; memcpy(&bits, &x, 4); return bits; }
inline float __uint_as_float(unsigned bits) { float x; memcpy(&x, &bits, 4); return x; }
template <class T> T rsqrt(T x) { return T(1) / std::sqrt(x); }
template <class T> T min(T a, T b) { return b < a ? b : a; }
template <class T> T max(T a, T b) { return a < b ? b : a; }
using std::abs, std::ceil, std::cos, std::erf, std::exp, std::expm1, std::fabs, std::floor, std::fma, std::fmax, std::fmin;
using std::isfinite, std::isinf, std::isnan, std::log, std::log1p, std::pow, std::sin, std::sqrt, std::tanh;
