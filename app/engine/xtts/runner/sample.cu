// The next code of every slot in one kernel: what `sampler.py` computes with torch's operators, without sorting.
//
// Compiled at start by NVRTC, which has no headers, for CODES, the number of audio codes.

typedef long long index_t;
typedef unsigned long long bits_t;

constexpr int WARP = 32;
constexpr int THREADS = 256;
constexpr int WARPS = THREADS / WARP;
constexpr int EACH = (CODES + THREADS - 1) / THREADS;  // codes of one thread: number i is i * THREADS + thread
constexpr unsigned ALL = 0xffffffff;
constexpr int NOT_FINITE = -1;

// Numbers that are ordered as the floats are.
__device__ __forceinline__ unsigned key_of(float score) {
    const unsigned bits = __float_as_uint(score);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ float score_of(unsigned key) {
    return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

// The finaliser of SplitMix64.
__device__ __forceinline__ bits_t mix(bits_t bits) {
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9ull;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBull;
    return bits ^ (bits >> 31);
}

// A sum over the block, in every thread, in an order that never changes.
template <typename Number>
__device__ __forceinline__ Number block_sum(Number number, Number (&scratch)[WARPS]) {
    for (int offset = WARP / 2; offset; offset /= 2) number += __shfl_xor_sync(ALL, number, offset);
    __syncthreads();
    if (threadIdx.x % WARP == 0) scratch[threadIdx.x / WARP] = number;
    __syncthreads();
    Number sum = 0;
    for (int warp = 0; warp < WARPS; ++warp) sum += scratch[warp];
    return sum;
}

// Block (slot). All tensors begin at the first slot; `max_latents` is the number of latents of a slot.
extern "C" __global__ void __launch_bounds__(THREADS) sample(
    const float* __restrict__ logits, const float* __restrict__ latents, const index_t* __restrict__ seeds,
    const float* __restrict__ temperatures, const index_t* __restrict__ top_ks, const float* __restrict__ top_p_tails,
    const float* __restrict__ penalties, const index_t* __restrict__ is_active, unsigned char* seen, index_t* num_codes,
    index_t* num_positions, index_t* sampled_codes, index_t* last_codes, float* all_latents, int channels,
    int max_latents) {
    __shared__ unsigned highest_shared[WARPS];
    __shared__ int counts[2][WARPS], places[EACH * WARPS];
    __shared__ float sums[WARPS];
    __shared__ unsigned keys[CODES];
    __shared__ float shares[CODES];
    __shared__ int codes[CODES];
    __shared__ double best_values[WARPS];
    __shared__ int best_codes[WARPS];
    const int slot = blockIdx.x, thread = threadIdx.x, warp = thread / WARP, lane = thread % WARP;

    // Scores; 0 is the key of no float that is a number.
    const float penalty = penalties[slot], temperature = temperatures[slot];
    unsigned key[EACH];
    bool is_finite = true;
    unsigned highest = 0;
    for (int i = 0; i < EACH; ++i) {
        const int code = i * THREADS + thread;
        key[i] = 0;
        if (code >= CODES) continue;
        float score = logits[(index_t)slot * CODES + code];
        is_finite = is_finite && isfinite(score);
        if (seen[(index_t)slot * CODES + code]) score = score < 0 ? score * penalty : score / penalty;
        key[i] = key_of(score / temperature);
        highest = max(highest, key[i]);
    }
    is_finite = __syncthreads_and(is_finite);
    for (int offset = WARP / 2; offset; offset /= 2) highest = max(highest, __shfl_xor_sync(ALL, highest, offset));
    if (lane == 0) highest_shared[warp] = highest;
    __syncthreads();
    for (int other = 0; other < WARPS; ++other) highest = max(highest, highest_shared[other]);

    // Top-k: the largest key that `top_k` codes reach, bit by bit.
    const int top_k = (int)min(max(top_ks[slot], (index_t)1), (index_t)CODES);
    unsigned threshold = 0;
    for (int bit = 31; bit >= 0; --bit) {
        const unsigned tried = threshold | 1u << bit;
        int count = 0;
        for (int i = 0; i < EACH; ++i) count += __popc(__ballot_sync(ALL, key[i] >= tried));
        if (lane == 0) counts[bit % 2][warp] = count;
        __syncthreads();
        int reached = 0;
        for (int other = 0; other < WARPS; ++other) reached += counts[bit % 2][other];
        if (reached >= top_k) threshold = tried;
    }
    threshold = max(threshold, 1u);

    // Those that reach it, in the order of their codes within each thread's turn.
    float weight[EACH], sum = 0;
    for (int i = 0; i < EACH; ++i) {
        const bool is_in = key[i] >= threshold;
        const unsigned mask = __ballot_sync(ALL, is_in);
        if (lane == 0) places[i * WARPS + warp] = __popc(mask);
        weight[i] = is_in ? expf(score_of(key[i]) - score_of(highest)) : 0;
        sum += weight[i];
    }
    sum = block_sum(sum, sums);
    int num_in = 0;
    for (int i = 0, passed = 0; i < EACH * WARPS; ++i) {
        if (i % WARPS == warp) {
            const int mine = i / WARPS;
            const unsigned mask = __ballot_sync(ALL, key[mine] >= threshold);
            if (key[mine] >= threshold) {
                const int place = passed + __popc(mask & ((1u << lane) - 1));
                keys[place] = key[mine];
                shares[place] = weight[mine] / sum;
                codes[place] = mine * THREADS + thread;
            }
        }
        passed += places[i];
        num_in = passed;
    }
    __syncthreads();

    // Top-p: a code goes if it and those less likely have no more than the tail. Then the draw among the others.
    const float tail = top_p_tails[slot];
    const bits_t state = mix((bits_t)seeds[slot] + 0x9E3779B97F4A7C15ull * (bits_t)(num_codes[slot] + 1));
    double best = -1e300;
    int best_code = 0;
    for (int place = thread; place < num_in; place += THREADS) {
        const unsigned own = keys[place];
        const int code = codes[place];
        float below = 0;
        bool is_last = true;
        for (int other = 0; other < num_in; ++other) {
            const bool is_above = keys[other] > own || (keys[other] == own && codes[other] > code);
            if (is_above) is_last = false;
            else below += shares[other];
        }
        if (below <= tail && !is_last) continue;
        const bits_t bits = mix(state + 0x9E3779B97F4A7C15ull * (bits_t)(code + 1));
        const double uniform = ((double)(bits >> 11) + 0.5) * 1.1102230246251565e-16;
        const double value = (double)score_of(own) - log(-log(uniform));
        if (value > best) best = value, best_code = code;
    }
    for (int offset = WARP / 2; offset; offset /= 2) {
        const double other = __shfl_xor_sync(ALL, best, offset);
        const int other_code = __shfl_xor_sync(ALL, best_code, offset);
        if (other > best || (other == best && other_code < best_code)) best = other, best_code = other_code;
    }
    if (lane == 0) best_values[warp] = best, best_codes[warp] = best_code;
    __syncthreads();
    for (int other = 0; other < WARPS; ++other) {
        const bool is_better = best_values[other] > best;
        if (is_better || (best_values[other] == best && best_codes[other] < best_code))
            best = best_values[other], best_code = best_codes[other];
    }

    float* latent = all_latents + ((index_t)slot * max_latents + num_codes[slot]) * channels;
    for (int channel = thread; channel < channels; channel += THREADS)
        latent[channel] = latents[(index_t)slot * channels + channel];
    __syncthreads();  // all have read the number of codes
    if (thread) return;
    if (!is_finite) best_code = 0;  // any that exists: the sequence ends
    sampled_codes[slot] = is_finite ? best_code : NOT_FINITE;
    last_codes[slot] = best_code;
    seen[(index_t)slot * CODES + best_code] = 1;
    num_codes[slot] += is_active[slot];
    if (num_positions) num_positions[slot] += is_active[slot];
}
