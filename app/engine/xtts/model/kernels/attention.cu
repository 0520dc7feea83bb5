// Attention over the cache, and the cache's writes.

constexpr int LANES = HEAD_DIM / 8;  // threads that hold one head of one position
constexpr int AHEAD = 4;             // positions that a thread has on the way

// A softmax that grows by parts: weights are 2^(score - highest).
struct Attended {
    float highest = -1e30f;
    float sum = 0;
    float values[8] = {};

    __device__ __forceinline__ void merge(float other_highest, float other_sum, const float (&other)[8]) {
        const float both = fmaxf(highest, other_highest);
        const float mine = exp2f(highest - both), theirs = exp2f(other_highest - both);
        highest = both;
        sum = sum * mine + other_sum * theirs;
        for (int i = 0; i < 8; ++i) values[i] = values[i] * mine + other[i] * theirs;
    }
};

// One row's query over its slot's keys up to the row's own position; block (head, row).
//
// qkv         [rows, 3, heads, HEAD_DIM]
// keys, values    one layer of the cache, [slots, heads, positions, HEAD_DIM]
// slots       [rows], or null where row r is slot r. A negative slot is padding: its row is left as it is
// at          [rows], the position of each row
// is_newest   the row's own key and value are written to the cache first; otherwise they are there
// out         [rows, heads, HEAD_DIM]
template <int BLOCK>
__device__ __forceinline__ void attend(
    const half_t* __restrict__ qkv, half_t* keys, half_t* values, const index_t* __restrict__ slots,
    const index_t* __restrict__ at, half_t* __restrict__ out, int heads, int positions, int is_newest) {
    constexpr int GROUPS = BLOCK / LANES;  // positions that a block reads at once
    constexpr int BLOCK_WARPS = BLOCK / WARP;
    const int head = blockIdx.x, row = blockIdx.y;
    const index_t slot = slots ? slots[row] : row;
    if (slot < 0) return;
    const int lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
    const index_t first = (slot * heads + head) * positions * HEAD_DIM + lane * 8;
    const half_t* own = qkv + ((index_t)row * 3 * heads + head) * HEAD_DIM + lane * 8;
    const index_t width = (index_t)heads * HEAD_DIM;
    const int own_position = (int)at[row];
    const int count = own_position + (is_newest ? 0 : 1);

    float query[8];
    unpack8(load8(own), query);
    const float scale = rsqrtf((float)HEAD_DIM) * LOG2_E;
    for (int i = 0; i < 8; ++i) query[i] *= scale;

    Attended found;
    // All threads of a warp take the same turns, because they add up together.
    for (int start = 0; start < count; start += GROUPS * AHEAD) {
        uint4 key[AHEAD], value[AHEAD];
        for (int i = 0; i < AHEAD; ++i) {
            const int position = min(start + i * GROUPS + group, count - 1);
            key[i] = load8(keys + first + (index_t)position * HEAD_DIM);
            value[i] = load8(values + first + (index_t)position * HEAD_DIM);
        }
        float score[AHEAD], highest = found.highest;
        for (int i = 0; i < AHEAD; ++i) {
            float numbers[8];
            unpack8(key[i], numbers);
            score[i] = 0;
            for (int j = 0; j < 8; ++j) score[i] += query[j] * numbers[j];
            for (int offset = LANES / 2; offset; offset /= 2) score[i] += __shfl_xor_sync(ALL, score[i], offset);
            if (start + i * GROUPS + group < count) highest = fmaxf(highest, score[i]);
        }
        const float earlier = exp2f(found.highest - highest);
        found.highest = highest;
        found.sum *= earlier;
        for (int j = 0; j < 8; ++j) found.values[j] *= earlier;
        for (int i = 0; i < AHEAD; ++i) {
            if (start + i * GROUPS + group >= count) continue;
            const float weight = exp2f(score[i] - highest);
            float numbers[8];
            unpack8(value[i], numbers);
            found.sum += weight;
            for (int j = 0; j < 8; ++j) found.values[j] += weight * numbers[j];
        }
    }
    if (is_newest && threadIdx.x < WARP) {  // a whole warp, for the sum of the score
        const uint4 key = load8(own + width), value = load8(own + 2 * width);
        float numbers[8], score = 0;
        unpack8(key, numbers);
        for (int j = 0; j < 8; ++j) score += query[j] * numbers[j];
        for (int offset = LANES / 2; offset; offset /= 2) score += __shfl_xor_sync(ALL, score, offset);
        if (group == 0) {
            unpack8(value, numbers);
            found.merge(score, 1, numbers);
            store8(keys + first + (index_t)own_position * HEAD_DIM, key);
            store8(values + first + (index_t)own_position * HEAD_DIM, value);
        }
    }

    for (int offset = LANES; offset < WARP; offset *= 2) {
        float other[8];
        const float highest = __shfl_xor_sync(ALL, found.highest, offset);
        const float sum = __shfl_xor_sync(ALL, found.sum, offset);
        for (int j = 0; j < 8; ++j) other[j] = __shfl_xor_sync(ALL, found.values[j], offset);
        found.merge(highest, sum, other);
    }
    __shared__ float warp_highest[BLOCK_WARPS], warp_sums[BLOCK_WARPS], warp_values[BLOCK_WARPS][HEAD_DIM];
    const int warp = threadIdx.x / WARP;
    if (threadIdx.x % WARP < LANES) {
        for (int j = 0; j < 8; ++j) warp_values[warp][lane * 8 + j] = found.values[j];
        if (lane == 0) warp_highest[warp] = found.highest, warp_sums[warp] = found.sum;
    }
    __syncthreads();
    if (threadIdx.x >= LANES) return;
    for (int other = 1; other < BLOCK_WARPS; ++other) {
        float numbers[8];
        for (int j = 0; j < 8; ++j) numbers[j] = warp_values[other][lane * 8 + j];
        found.merge(warp_highest[other], warp_sums[other], numbers);
    }
    for (int j = 0; j < 8; ++j) found.values[j] /= found.sum;
    store8(out + (index_t)row * width + head * HEAD_DIM + lane * 8, pack8(found.values));
}

#define ATTEND(BLOCK)                                                                                                 \
    extern "C" __global__ void __launch_bounds__(BLOCK) attend_##BLOCK(                                              \
        const half_t* qkv, half_t* keys, half_t* values, const index_t* slots, const index_t* at, half_t* out,       \
        int heads, int positions, int is_newest) {                                                                   \
        attend<BLOCK>(qkv, keys, values, slots, at, out, heads, positions, is_newest);                               \
    }

ATTEND(128)
ATTEND(256)
ATTEND(512)

// Keys and values of rows to their places in one layer of the cache; block (row). Arguments as those of `attend`.
extern "C" __global__ void __launch_bounds__(THREADS) write_rows(
    const half_t* __restrict__ qkv, half_t* __restrict__ keys, half_t* __restrict__ values,
    const index_t* __restrict__ slots, const index_t* __restrict__ at, int heads, int positions) {
    const int row = blockIdx.x;
    const index_t slot = slots[row];
    if (slot < 0) return;
    const int pieces = heads * LANES;  // of a row of keys
    for (int piece = threadIdx.x; piece < 2 * pieces; piece += THREADS) {
        const bool is_value = piece >= pieces;
        const int number = piece % pieces, head = number / LANES;
        const index_t place = ((slot * heads + head) * positions + at[row]) * HEAD_DIM + number % LANES * 8;
        store8((is_value ? values : keys) + place,
               load8(qkv + ((index_t)row * 3 + 1 + is_value) * heads * HEAD_DIM + number * 8));
    }
}
