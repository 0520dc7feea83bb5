// Embeddings and layer norms.

constexpr int PIECES = (CHANNELS / 4 + THREADS - 1) / THREADS;  // of four channels, of one thread
using Row = float4[PIECES];                                     // one row of the residual stream, 0 beyond the channels

__device__ __forceinline__ float4 load4(const float* from) { return *reinterpret_cast<const float4*>(from); }

__device__ __forceinline__ float4 add4(const float4& a, const float4& b) {
    return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}

__device__ __forceinline__ float sum4(const float4& a) { return (a.x + a.y) + (a.z + a.w); }

__device__ __forceinline__ float squares4(const float4& a, float mean) {
    const float x = a.x - mean, y = a.y - mean, z = a.z - mean, w = a.w - mean;
    return (x * x + y * y) + (z * z + w * w);
}

__device__ __forceinline__ float4 norm4(
    const float4& a, float mean, float scale, const float* __restrict__ weight, const float* __restrict__ bias) {
    const float4 w = load4(weight), b = load4(bias);
    return make_float4(
        (a.x - mean) * scale * w.x + b.x, (a.y - mean) * scale * w.y + b.y, (a.z - mean) * scale * w.z + b.z,
        (a.w - mean) * scale * w.w + b.w);
}

__device__ __forceinline__ uint2 pack4(const float4& a) { return make_uint2(pack(a.x, a.y), pack(a.z, a.w)); }

__device__ __forceinline__ int channel_of(int piece) { return (threadIdx.x + piece * THREADS) * 4; }

// x += added, where there is any
__device__ __forceinline__ void load_and_add(float* x, const half_t* __restrict__ added, Row& row) {
    for (int i = 0; i < PIECES; ++i) {
        const int channel = channel_of(i);
        row[i] = make_float4(0, 0, 0, 0);
        if (channel >= CHANNELS) continue;
        row[i] = load4(x + channel);
        if (!added) continue;
        const uint2 packed = *reinterpret_cast<const uint2*>(added + channel);
        float4 more;
        unpack(packed.x, more.x, more.y);
        unpack(packed.y, more.z, more.w);
        row[i] = add4(row[i], more);
        *reinterpret_cast<float4*>(x + channel) = row[i];
    }
}

// The norm of a row that the block holds, in place.
__device__ __forceinline__ void norm_in_block(
    Row& row, const float* __restrict__ weight, const float* __restrict__ bias, float (&scratch)[2][WARPS]) {
    float sum = 0, squares = 0;
    for (int i = 0; i < PIECES; ++i) sum += sum4(row[i]);
    const float mean = block_sum(sum, scratch[0]) / CHANNELS;
    for (int i = 0; i < PIECES; ++i)
        if (channel_of(i) < CHANNELS) squares += squares4(row[i], mean);
    const float scale = rsqrtf(block_sum(squares, scratch[1]) / CHANNELS + EPS);
    for (int i = 0; i < PIECES; ++i)
        if (channel_of(i) < CHANNELS) row[i] = norm4(row[i], mean, scale, weight + channel_of(i), bias + channel_of(i));
}

// x += added, and its norm in float16; block (row).
//
// x       [rows, CHANNELS] float32
// added   [rows, CHANNELS] float16, or null
// out     [rows, CHANNELS] float16
extern "C" __global__ void __launch_bounds__(THREADS) add_and_norm(
    float* __restrict__ x, const half_t* __restrict__ added, const float* __restrict__ weight,
    const float* __restrict__ bias, half_t* __restrict__ out) {
    __shared__ float scratch[2][WARPS];
    const index_t first = (index_t)blockIdx.x * CHANNELS;
    Row row;
    load_and_add(x + first, added ? added + first : nullptr, row);
    norm_in_block(row, weight, bias, scratch);
    for (int i = 0; i < PIECES; ++i)
        if (channel_of(i) < CHANNELS) *reinterpret_cast<uint2*>(out + first + channel_of(i)) = pack4(row[i]);
}

// The residual stream behind the last layer through two norms; block (row). x, out: [rows, CHANNELS] float32.
extern "C" __global__ void __launch_bounds__(THREADS) add_and_norm_twice(
    float* __restrict__ x, const half_t* __restrict__ added, const float* __restrict__ weight_1,
    const float* __restrict__ bias_1, const float* __restrict__ weight_2, const float* __restrict__ bias_2,
    float* __restrict__ out) {
    __shared__ float scratch[2][2][WARPS];
    const index_t first = (index_t)blockIdx.x * CHANNELS;
    Row row;
    load_and_add(x + first, added ? added + first : nullptr, row);
    norm_in_block(row, weight_1, bias_1, scratch[0]);
    norm_in_block(row, weight_2, bias_2, scratch[1]);
    for (int i = 0; i < PIECES; ++i)
        if (channel_of(i) < CHANNELS) *reinterpret_cast<float4*>(out + first + channel_of(i)) = row[i];
}

// Rows of two tables, added up; block (row). codes, places: [rows]; the tables and out: [..., CHANNELS] float32.
extern "C" __global__ void __launch_bounds__(THREADS) embed(
    const index_t* __restrict__ codes, const index_t* __restrict__ places, const float* __restrict__ code_table,
    const float* __restrict__ place_table, float* __restrict__ out) {
    const int row = blockIdx.x;
    for (int i = 0; i < PIECES; ++i) {
        const int channel = channel_of(i);
        if (channel >= CHANNELS) continue;
        const float4 sum = add4(
            load4(code_table + codes[row] * CHANNELS + channel), load4(place_table + places[row] * CHANNELS + channel));
        *reinterpret_cast<float4*>(out + (index_t)row * CHANNELS + channel) = sum;
    }
}
