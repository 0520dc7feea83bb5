// Kernels of the GPT-2 body in float16 on an NVIDIA GPU: attention, layer norms, and products of few rows.
//
// `cuda_body.py` compiles the files of this folder as one, with NVRTC, which has no headers, for the checkpoint's sizes:
//   CHANNELS    width of the residual stream, a multiple of 8
//   HEAD_DIM    width of a head: 8, 16, 32, 64, 128 or 256
//
// Matrices and the cache are float16, the residual stream and all sums are float32. Tensors are contiguous.

typedef unsigned short half_t;
typedef long long index_t;

constexpr int WARP = 32;
constexpr int THREADS = 256;
constexpr int WARPS = THREADS / WARP;
constexpr unsigned ALL = 0xffffffff;
constexpr float EPS = 1e-5f;
constexpr float LOG2_E = 1.4426950408889634f;

// Eight numbers of float16 in 16 bytes.

__device__ __forceinline__ void unpack(unsigned pair, float& low, float& high) {
    asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }"
        : "=f"(low), "=f"(high)
        : "r"(pair));
}

__device__ __forceinline__ unsigned pack(float low, float high) {
    unsigned pair;
    asm("{ .reg .b16 l, h; cvt.rn.f16.f32 l, %1; cvt.rn.f16.f32 h, %2; mov.b32 %0, {l, h}; }"
        : "=r"(pair)
        : "f"(low), "f"(high));
    return pair;
}

__device__ __forceinline__ void unpack8(const uint4& packed, float (&numbers)[8]) {
    unpack(packed.x, numbers[0], numbers[1]);
    unpack(packed.y, numbers[2], numbers[3]);
    unpack(packed.z, numbers[4], numbers[5]);
    unpack(packed.w, numbers[6], numbers[7]);
}

__device__ __forceinline__ uint4 pack8(const float (&numbers)[8]) {
    return make_uint4(
        pack(numbers[0], numbers[1]), pack(numbers[2], numbers[3]), pack(numbers[4], numbers[5]),
        pack(numbers[6], numbers[7]));
}

__device__ __forceinline__ uint4 load8(const half_t* from) { return *reinterpret_cast<const uint4*>(from); }

__device__ __forceinline__ uint4 load8_once(const half_t* from) {
    uint4 packed;  // past the first cache: a weight is read once in a step
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(packed.x), "=r"(packed.y), "=r"(packed.z), "=r"(packed.w)
                 : "l"(from));
    return packed;
}

__device__ __forceinline__ void store8(half_t* to, const uint4& packed) { *reinterpret_cast<uint4*>(to) = packed; }

__device__ __forceinline__ float warp_sum(float number) {
    for (int offset = WARP / 2; offset; offset /= 2) number += __shfl_xor_sync(ALL, number, offset);
    return number;
}

// The sum over the block, in every thread. `scratch` may be used again after the next barrier.
__device__ __forceinline__ float block_sum(float number, float (&scratch)[WARPS]) {
    number = warp_sum(number);
    if (threadIdx.x % WARP == 0) scratch[threadIdx.x / WARP] = number;
    __syncthreads();
    float sum = 0;
    for (int warp = 0; warp < WARPS; ++warp) sum += scratch[warp];
    return sum;
}
