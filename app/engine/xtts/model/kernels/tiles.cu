// Products of up to 16 rows by tensor cores.

__device__ __forceinline__ void multiply_tile(float (&sum)[4], unsigned a, unsigned b, unsigned x) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a), "r"(b), "r"(x));
}

// y = x W^T + bias for 16 columns of each block, whose warps share the inputs among them.
//
// A tile is 16 columns by 8 rows by 8 inputs. Which inputs come together in a tile is free, as long as weights and rows
// agree: a thread reads 8 neighbours at once, 16 bytes, and gives two of them to each of four tiles.
//
// x        [rows, INPUTS] float16
// others   as those of `multiply`
template <int TILES, int INPUTS, End END>
__device__ __forceinline__ void multiply_many(
    const half_t* __restrict__ x, const half_t* __restrict__ matrix, const half_t* __restrict__ bias, void* y, int rows,
    int columns) {
    constexpr int OWN = INPUTS / WARPS;      // inputs of a warp
    constexpr int CHUNK = 32;                // inputs that a warp reads at once
    constexpr int CHUNKS = OWN / CHUNK;
    constexpr int EARLY = CHUNKS < 4 ? CHUNKS : 4;
    static_assert(INPUTS % (WARPS * CHUNK) == 0);
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    const int own_input = warp * OWN + lane % 4 * 8, column = blockIdx.x * 16;
    const half_t* upper = matrix + (index_t)min(column + lane / 4, columns - 1) * INPUTS + own_input;
    const half_t* lower = matrix + (index_t)min(column + lane / 4 + 8, columns - 1) * INPUTS + own_input;
    uint4 a[EARLY], b[EARLY];
#pragma unroll
    for (int chunk = 0; chunk < EARLY; ++chunk) {
        a[chunk] = load8_once(upper + chunk * CHUNK);
        b[chunk] = load8_once(lower + chunk * CHUNK);
    }
    const half_t* given[TILES];
    for (int tile = 0; tile < TILES; ++tile)
        given[tile] = x + (index_t)min(tile * 8 + lane / 4, rows - 1) * INPUTS + own_input;
    float sums[TILES][4] = {};
#pragma unroll
    for (int chunk = 0; chunk < CHUNKS; ++chunk) {
        uint4 inputs[TILES];
#pragma unroll
        for (int tile = 0; tile < TILES; ++tile) inputs[tile] = load8(given[tile] + chunk * CHUNK);
        const uint4 up = a[chunk % EARLY], low = b[chunk % EARLY];
        if (chunk + EARLY < CHUNKS) {
            a[chunk % EARLY] = load8_once(upper + (chunk + EARLY) * CHUNK);
            b[chunk % EARLY] = load8_once(lower + (chunk + EARLY) * CHUNK);
        }
#pragma unroll
        for (int tile = 0; tile < TILES; ++tile) {
            multiply_tile(sums[tile], up.x, low.x, inputs[tile].x);
            multiply_tile(sums[tile], up.y, low.y, inputs[tile].y);
            multiply_tile(sums[tile], up.z, low.z, inputs[tile].z);
            multiply_tile(sums[tile], up.w, low.w, inputs[tile].w);
        }
    }
    __shared__ float shared[WARPS][TILES * 8][17];  // 17: threads of a warp write to different banks
#pragma unroll
    for (int tile = 0; tile < TILES; ++tile) {
        const int row = tile * 8 + lane % 4 * 2, place = lane / 4;
        shared[warp][row][place] = sums[tile][0];
        shared[warp][row + 1][place] = sums[tile][1];
        shared[warp][row][place + 8] = sums[tile][2];
        shared[warp][row + 1][place + 8] = sums[tile][3];
    }
    __syncthreads();
    for (int number = threadIdx.x; number < rows * 16; number += THREADS) {
        const int row = number / 16, at = column + number % 16;
        if (at >= columns) continue;
        float sum, unused;
        unpack(bias[at], sum, unused);
        for (int other = 0; other < WARPS; ++other) sum += shared[other][row][number % 16];
        const index_t place = (index_t)row * columns + at;
        if constexpr (END == End::ADD) {
            static_cast<float*>(y)[place] += sum;
        } else {
            if constexpr (END == End::GELU) sum = gelu(sum);
            static_cast<half_t*>(y)[place] = (half_t)pack(sum, 0);
        }
    }
}

#define PRODUCT_OF_MANY(NAME, ROWS, INPUTS, END)                                                                     \
    extern "C" __global__ void __launch_bounds__(THREADS) NAME##_##ROWS(                                             \
        const half_t* x, const half_t* matrix, const half_t* bias, void* y, int rows, int columns) {                 \
        multiply_many<ROWS / 8, INPUTS, END>(x, matrix, bias, y, rows, columns);                                     \
    }

#define PRODUCTS_OF_MANY(ROWS)                              \
    PRODUCT_OF_MANY(attn_in, ROWS, CHANNELS, End::STORE)    \
    PRODUCT_OF_MANY(attn_out, ROWS, CHANNELS, End::ADD)     \
    PRODUCT_OF_MANY(mlp_in, ROWS, CHANNELS, End::GELU)      \
    PRODUCT_OF_MANY(mlp_out, ROWS, 4 * CHANNELS, End::ADD)

#if CHANNELS % 256 == 0
PRODUCTS_OF_MANY(8)
PRODUCTS_OF_MANY(16)
#endif
