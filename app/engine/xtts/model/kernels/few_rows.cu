// Products of up to 4 rows, which are normed on the way.

enum class End { STORE, GELU, ADD };

__device__ __forceinline__ float gelu(float x) {
    return 0.5f * x * (1 + tanhf(0.7978845608028654f * (x + 0.044715f * x * x * x)));
}

// The norm of a row by one warp, in float16: other warps have other rows at the same time.
__device__ __forceinline__ void norm_in_warp(
    const float* x, const float* __restrict__ weight, const float* __restrict__ bias, half_t* out) {
    constexpr int EACH = (CHANNELS / 4 + WARP - 1) / WARP;
    const int lane = threadIdx.x % WARP;
    float4 row[EACH];
    float sum = 0, squares = 0;
    for (int i = 0; i < EACH; ++i) {
        const int channel = (i * WARP + lane) * 4;
        row[i] = channel < CHANNELS ? load4(x + channel) : make_float4(0, 0, 0, 0);
    }
    for (int i = 0; i < EACH; ++i) sum += sum4(row[i]);
    const float mean = warp_sum(sum) / CHANNELS;
    for (int i = 0; i < EACH; ++i)
        if ((i * WARP + lane) * 4 < CHANNELS) squares += squares4(row[i], mean);
    const float scale = rsqrtf(warp_sum(squares) / CHANNELS + EPS);
    for (int i = 0; i < EACH; ++i) {
        const int channel = (i * WARP + lane) * 4;
        if (channel < CHANNELS)
            *reinterpret_cast<uint2*>(out + channel) =
                pack4(norm4(row[i], mean, scale, weight + channel, bias + channel));
    }
}

// y = x W^T + bias. A warp computes OUTPUTS columns; its weights are on the way while the rows are normed.
//
// x           [rows, INPUTS] float16; or, with a norm, the residual stream, [rows, CHANNELS] float32
// matrix      [columns, INPUTS]
// y           [rows, columns] float16; or, with ADD, the residual stream, to which it is added
template <int ROWS, int INPUTS, int OUTPUTS, bool HAS_NORM, End END>
__device__ __forceinline__ void multiply(
    const void* x, const float* __restrict__ norm_weight, const float* __restrict__ norm_bias,
    const half_t* __restrict__ matrix, const half_t* __restrict__ bias, void* y, int rows, int columns) {
    constexpr int TURNS = (INPUTS + WARP * 8 - 1) / (WARP * 8);
    constexpr int EARLY = TURNS < 4 ? TURNS : 4;  // turns whose weights are asked for before the rows are there
    __shared__ __align__(16) half_t shared[ROWS][INPUTS];
    const int lane = threadIdx.x % WARP;
    const int column = (blockIdx.x * WARPS + threadIdx.x / WARP) * OUTPUTS;
    const half_t* mine[OUTPUTS];
    for (int o = 0; o < OUTPUTS; ++o) mine[o] = matrix + (index_t)min(column + o, columns - 1) * INPUTS;
    uint4 weights[EARLY][OUTPUTS];
#pragma unroll
    for (int turn = 0; turn < EARLY; ++turn)
#pragma unroll
        for (int o = 0; o < OUTPUTS; ++o) {
            const int k = (turn * WARP + lane) * 8;
            weights[turn][o] = k < INPUTS ? load8_once(mine[o] + k) : make_uint4(0, 0, 0, 0);
        }

    if constexpr (HAS_NORM) {
        const int row = threadIdx.x / WARP;
        if (row < ROWS)
            norm_in_warp(static_cast<const float*>(x) + (index_t)min(row, rows - 1) * CHANNELS, norm_weight, norm_bias,
                         shared[row]);
    } else {
        for (int k = threadIdx.x * 8; k < ROWS * INPUTS; k += THREADS * 8) {
            const index_t row = min(k / INPUTS, rows - 1);
            store8(shared[0] + k, load8(static_cast<const half_t*>(x) + row * INPUTS + k % INPUTS));
        }
    }
    __syncthreads();

    float sums[ROWS][OUTPUTS] = {};
#pragma unroll
    for (int turn = 0; turn < TURNS; ++turn) {
        const int k = (turn * WARP + lane) * 8;
        if (k >= INPUTS) break;
        float numbers[OUTPUTS][8];
#pragma unroll
        for (int o = 0; o < OUTPUTS; ++o) {
            unpack8(weights[turn % EARLY][o], numbers[o]);
            const int later = k + EARLY * WARP * 8;
            if (turn + EARLY < TURNS && later < INPUTS) weights[turn % EARLY][o] = load8_once(mine[o] + later);
        }
#pragma unroll
        for (int row = 0; row < ROWS; ++row) {
            float inputs[8];
            unpack8(load8(shared[row] + k), inputs);
#pragma unroll
            for (int o = 0; o < OUTPUTS; ++o)
#pragma unroll
                for (int j = 0; j < 8; ++j) sums[row][o] += inputs[j] * numbers[o][j];
        }
    }
#pragma unroll
    for (int row = 0; row < ROWS; ++row)
#pragma unroll
        for (int o = 0; o < OUTPUTS; ++o) {
            float number = warp_sum(sums[row][o]);
            if (lane || row >= rows || column + o >= columns) continue;
            float added, unused;
            unpack(bias[column + o], added, unused);
            number += added;
            const index_t place = (index_t)row * columns + column + o;
            if constexpr (END == End::ADD) {
                static_cast<float*>(y)[place] += number;
            } else {
                if constexpr (END == End::GELU) number = gelu(number);
                static_cast<half_t*>(y)[place] = (half_t)pack(number, 0);
            }
        }
}

#define PRODUCT(NAME, ROWS, INPUTS, OUTPUTS, HAS_NORM, END)                                                          \
    extern "C" __global__ void __launch_bounds__(THREADS) NAME##_##ROWS(                                             \
        const void* x, const float* norm_weight, const float* norm_bias, const half_t* matrix, const half_t* bias,   \
        void* y, int rows, int columns) {                                                                            \
        multiply<ROWS, INPUTS, OUTPUTS, HAS_NORM, END>(                                                              \
            x, norm_weight, norm_bias, matrix, bias, y, rows, columns);                                              \
    }

#define PRODUCTS(ROWS)                                                \
    PRODUCT(attn_in, ROWS, CHANNELS, 2, true, End::STORE)             \
    PRODUCT(attn_out, ROWS, CHANNELS, 1, false, End::ADD)             \
    PRODUCT(mlp_in, ROWS, CHANNELS, 2, true, End::GELU)               \
    PRODUCT(mlp_out, ROWS, 4 * CHANNELS, 1, false, End::ADD)

PRODUCTS(1)
PRODUCTS(2)
PRODUCTS(4)
