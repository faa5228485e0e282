/* Grouped KL of rows and KL of pairs with their gradients, and the largest
   classes of rows.

   The mathematics of onepass.py, ldrld.py and top.py in float32, with each
   logit read once from memory; cpu_kernel.py calls it where it was built. Rows go in
   tiles that stay in the first cache. "By class" means that one class of many
   rows lies together in memory, as in a (B, C, H, W) map; otherwise one row
   with its classes does. Inner loops go along what lies together.

   In the names, p and s belong to the student, q and t to the teacher. */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && \
    !defined(__clang__) && __GNUC__ >= 12
/* Built for several processors; the loader takes the best that fits. */
#define CLONES                                                            \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", \
                                 "default")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))

/* cpu_kernel.py repeats these. */
enum { VERSION = 1 };           /* of this file's functions and Question */
enum { LANES = 64, MAX_K = 15 }; /* rows of a tile; classes of a row's top */

enum { TILE = 2048 }; /* most logits of a tile of several rows */
enum { LINES = 19 };  /* arrays of LANES elements in group_kl's work */
enum { HIGH, LOW_TOP, LOW_REST, PARTS };

typedef struct {
    const float *student, *teacher;
    const int64_t *top;          /* the top group's classes */
    const float *weights[PARTS]; /* one per row, or one for all */
    float *rows, *parts;         /* (rows), (PARTS, rows) */
    float *grad;                 /* or no address */
    int64_t by_class, count, classes, k, lead, cross_entropy;
    /* steps from row to row, and from class to class, whichever is not 1 */
    int64_t student_step, teacher_step, grad_step;
    int64_t top_steps[2], weight_steps[PARTS];
    float tau;
} Question;

int64_t version(void) { return VERSION; }

/* 2**x; beyond +-126 that of the bound. NaN stays NaN. */
INLINE float power(float x)
{
    const float magic = 12582912.0f; /* adding 1.5 * 2**23 rounds to integers */
    x = x > 126.0f ? 126.0f : x;
    x = x < -126.0f ? -126.0f : x;
    float shifted = x + magic, f = x - (shifted - magic);
    float y = 1.5252734e-5f; /* log(2)**n / n! for n = 7 to 0 */
    y = y * f + 1.5403530e-4f;
    y = y * f + 1.3333558e-3f;
    y = y * f + 9.6181291e-3f;
    y = y * f + 5.5504109e-2f;
    y = y * f + 2.4022651e-1f;
    y = y * f + 6.9314718e-1f;
    y = y * f + 1.0f;
    uint32_t bits, exponent;
    memcpy(&bits, &y, 4);
    memcpy(&exponent, &shifted, 4);
    bits += exponent << 23;
    memcpy(&y, &bits, 4);
    return y;
}

/* Natural logarithm of a positive normal number. */
INLINE float logarithm(float x)
{
    int32_t bits, low = 0x3f3504f3; /* sqrt(1 / 2) */
    memcpy(&bits, &x, 4);
    int32_t exponent = (bits - low) >> 23;
    bits -= exponent * (1 << 23);
    memcpy(&x, &bits, 4);
    float r = (x - 1.0f) / (x + 1.0f), r2 = r * r; /* log(x) = 2 artanh(r) */
    float y = 1.0f / 9.0f;
    y = y * r2 + 1.0f / 7.0f;
    y = y * r2 + 1.0f / 5.0f;
    y = y * r2 + 1.0f / 3.0f;
    y = y * r2 + 1.0f;
    return 2.0f * r * y + 6.9314718e-1f * (float)exponent;
}

INLINE float positive(float x) { return x > 0 ? x : 0; }

/* Whether a sum of powers left the range; NaN did. */
INLINE int far(float mass)
{
    return !(mass > FLT_MIN * 1e8f) | !(mass < FLT_MAX * 1e-8f);
}

/* Powers of some classes of some rows, or sums of them over classes. */
typedef struct {
    float *p, *q;
    float *dot; /* q * (t - s); q * (-s) for the cross-entropy */
} Powers;

INLINE float *take(float **work, int64_t size)
{
    float *taken = *work;
    *work += size;
    return taken;
}

INLINE Powers take_powers(float **work, int64_t size)
{
    float *p = take(work, 3 * size);
    return (Powers){p, p + size, p + 2 * size};
}

INLINE void raise(
    const float *s, const float *t, Powers out, int64_t at, int64_t n,
    float scale, float own)
{
    float *p = out.p + at, *q = out.q + at, *dot = out.dot + at;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float x = s[i], y = t[i], b = power(y * scale);
        p[i] = power(x * scale);
        q[i] = b;
        dot[i] = b * (own * y - x);
    }
}

/* Sums over classes that lie `step` apart, of n rows that lie together. */
INLINE void add_by_class(
    Powers in, int64_t classes, int64_t step, Powers sums, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        sums.p[i] = sums.q[i] = sums.dot[i] = 0;
    for (int64_t c = 0; c < classes * step; c += step)
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            sums.p[i] += in.p[c + i];
            sums.q[i] += in.q[c + i];
            sums.dot[i] += in.dot[c + i];
        }
}

/* The same for rows that lie one after another. */
INLINE void add_by_row(Powers in, int64_t classes, Powers sums, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        float p = 0, q = 0, dot = 0;
#pragma omp simd reduction(+ : p, q, dot)
        for (int64_t c = i * classes; c < (i + 1) * classes; c++) {
            p += in.p[c];
            q += in.q[c];
            dot += in.dot[c];
        }
        sums.p[i] = p;
        sums.q[i] = q;
        sums.dot[i] = dot;
    }
}

/* KL inside a group, and the logarithm of the ratio of its masses. */
INLINE int inside(
    Powers sums, float *ratio, float *low, int64_t n, float tau, float own)
{
    int bad = 0;
#pragma omp simd reduction(| : bad)
    for (int64_t i = 0; i < n; i++) {
        float p = sums.p[i], q = sums.q[i], dot = sums.dot[i];
        float log_ratio = logarithm(own > 0 ? p / q : p);
        ratio[i] = log_ratio;
        low[i] = positive(tau * (dot / q) + tau * tau * log_ratio);
        bad |= far(p) | far(q) | !(dot - dot == 0);
    }
    return bad;
}

/* KL between the masses of the groups, and its gradient with respect to the
   logarithms of the masses: of the rest, the top and the lead class. */
INLINE int between(
    Powers rest, Powers top, Powers first, const float *rest_ratio,
    const float *top_ratio, float *high, float *diffs, int64_t n, float unit,
    const int lead, const int cross_entropy)
{
    int bad = 0;
#pragma omp simd reduction(| : bad)
    for (int64_t i = 0; i < n; i++) {
        float p0 = rest.p[i], p1 = top.p[i], p2 = lead ? first.p[i] : 0;
        float q0 = rest.q[i], q1 = top.q[i], q2 = lead ? first.q[i] : 0;
        float p = p0 + p1 + p2, q = q0 + q1 + q2;
        float value, diff0 = p0 / p - q0 / q, diff1 = p1 / p - q1 / q;
        if (cross_entropy) {
            value = (q1 / q) * logarithm(p / p1);
            diff0 = (q1 / q) * (p0 / p);
            diff1 = -diff0;
        } else {
            float among = q0 * rest_ratio[i] + q1 * top_ratio[i];
            if (lead) {
                among += q2 * logarithm(p2 / q2);
                bad |= far(p2) | far(q2);
                diffs[2 * LANES + i] = p2 / p - q2 / q;
            }
            value = logarithm(p / q) - among / q;
        }
        high[i] = unit * positive(value);
        diffs[i] = diff0;
        diffs[LANES + i] = diff1;
    }
    return bad;
}

/* Floats that a thread needs in `work` of group_kl. */
int64_t work_size(int64_t classes, int64_t k)
{
    int64_t several = LANES * classes < TILE ? LANES * classes : TILE;
    int64_t tile = several > classes ? several : classes;
    return 3 * (tile + k * LANES) + LINES * LANES;
}

/* Rows [begin, end). Returns 1 if one of them needs the slower form. */
CLONES int64_t group_kl(
    const Question *ask, float *work, int64_t begin, int64_t end)
{
    const int64_t classes = ask->classes, k = ask->k, lead = ask->lead;
    const int64_t by_class = ask->by_class, count = ask->count;
    const float tau = ask->tau, unit = tau * tau, scale = 1.44269504f / tau;
    const float own = ask->cross_entropy ? 0 : 1;
    int64_t most = TILE / classes;
    most = most < 1 ? 1 : most > LANES ? LANES : most;
    Powers tile = take_powers(&work, most * classes);
    Powers tops = take_powers(&work, k * LANES);
    /* all that follows has LANES elements, or some lines of so many: LINES */
    Powers rest = take_powers(&work, LANES), top = take_powers(&work, LANES);
    float *weights = take(&work, PARTS * LANES), *diffs = take(&work, 3 * LANES);
    float *ratios = take(&work, 2 * LANES), *low = take(&work, 2 * LANES);
    float *high = take(&work, LANES);
    float *to_p = take(&work, LANES), *to_q = take(&work, LANES);
    int bad = 0;

    for (int64_t first = begin; first < end && !bad; first += most) {
        const int64_t n = first + most < end ? most : end - first;
        const int64_t outer = by_class ? classes : n;
        const int64_t length = by_class ? n : classes;
        const int64_t class_step = by_class ? n : 1;
        const int64_t row_step = by_class ? 1 : classes;
        const float *s = ask->student + first * (by_class ? 1 : ask->student_step);
        const float *t = ask->teacher + first * (by_class ? 1 : ask->teacher_step);
        for (int64_t o = 0; o < outer; o++)
            raise(s + o * ask->student_step, t + o * ask->teacher_step, tile,
                  o * length, length, scale, own);

        /* the top group goes out, into lines of its own */
        const int64_t *chosen = ask->top + first * ask->top_steps[0];
        for (int64_t j = 0; j < k; j++)
            for (int64_t i = 0; i < n; i++) {
                int64_t c = chosen[i * ask->top_steps[0] + j * ask->top_steps[1]];
                if (c < 0 || c >= classes) return 1;
                c = i * row_step + c * class_step;
                tops.p[j * LANES + i] = tile.p[c];
                tops.q[j * LANES + i] = tile.q[c];
                tops.dot[j * LANES + i] = tile.dot[c];
                tile.p[c] = tile.q[c] = tile.dot[c] = 0;
            }

        for (int part = 0; part < PARTS; part++)
            for (int64_t i = 0; i < n; i++)
                weights[part * LANES + i] =
                    ask->weights[part][(first + i) * ask->weight_steps[part]];
        const float *w_high = weights, *w_rest = weights + LOW_REST * LANES;
        const float *w_top = weights + LOW_TOP * LANES;

        if (by_class)
            add_by_class(tile, classes, n, rest, n);
        else
            add_by_row(tile, classes, rest, n);
        bad = inside(rest, ratios, low, n, tau, own);
        if (k) {
            Powers others = {tops.p + lead * LANES, tops.q + lead * LANES,
                             tops.dot + lead * LANES};
            add_by_class(others, k - lead, LANES, top, n);
            bad |= inside(top, ratios + LANES, low + LANES, n, tau, own);
            if (ask->cross_entropy)
                bad |= between(rest, top, tops, ratios, ratios + LANES, high,
                               diffs, n, unit, 0, 1);
            else if (lead)
                bad |= between(rest, top, tops, ratios, ratios + LANES, high,
                               diffs, n, unit, 1, 0);
            else
                bad |= between(rest, top, tops, ratios, ratios + LANES, high,
                               diffs, n, unit, 0, 0);
        }
        const int with_top = k > lead + 1;
        float *rows = ask->rows + first, *high_at = ask->parts + first;
        float *top_at = high_at + count, *rest_at = top_at + count;
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            float up = k ? high[i] : 0, in_top = with_top ? low[LANES + i] : 0;
            rows[i] = w_rest[i] * low[i] + w_high[i] * up + w_top[i] * in_top;
            high_at[i] = up;
            top_at[i] = in_top;
            rest_at[i] = low[i];
        }
        if (!ask->grad || bad) continue;

#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            float up = k ? w_high[i] * diffs[i] : 0;
            to_p[i] = tau * (w_rest[i] + up) / rest.p[i];
            to_q[i] = tau * w_rest[i] / rest.q[i];
        }
        float *grad = ask->grad + first * (by_class ? 1 : ask->grad_step);
        for (int64_t o = 0; o < outer; o++) {
            float *to = grad + o * ask->grad_step;
            const float *p = tile.p + o * length, *q = tile.q + o * length;
            if (by_class) {
#pragma omp simd
                for (int64_t i = 0; i < n; i++)
                    to[i] = p[i] * to_p[i] - q[i] * to_q[i];
            } else {
                const float a = to_p[o], b = to_q[o];
#pragma omp simd
                for (int64_t i = 0; i < classes; i++)
                    to[i] = p[i] * a - q[i] * b;
            }
        }
        if (!k) continue;
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            float weight = with_top ? w_top[i] : 0;
            to_p[i] = tau * (weight + w_high[i] * diffs[LANES + i]) / top.p[i];
            to_q[i] = tau * weight / top.q[i];
        }
        for (int64_t j = 0; j < k; j++)
            for (int64_t i = 0; i < n; i++) {
                int64_t c = chosen[i * ask->top_steps[0] + j * ask->top_steps[1]];
                c = by_class ? i + c * ask->grad_step : i * ask->grad_step + c;
                grad[c] = j < lead ? tau * w_high[i] * diffs[2 * LANES + i]
                                   : tops.p[j * LANES + i] * to_p[i] -
                                         tops.q[j * LANES + i] * to_q[i];
            }
    }
    return bad;
}

/* KL of the two-class softmaxes of all pairs i < j of a row's k logits, each
   times weights[i * k + j], and its gradient; all matrices are (rows, k).
   Returns 1 if a row's logits lie too far apart. */
CLONES int64_t pair_kl(
    const float *student, const float *teacher, const float *weights,
    float *rows, float *grad, int64_t k, int64_t begin, int64_t end)
{
    float p[MAX_K][LANES], q[MAX_K][LANES], gap[MAX_K][LANES];
    float to[MAX_K][LANES], value[LANES], s_max[LANES], t_max[LANES];
    int bad = 0;
    for (int64_t first = begin; first < end && !bad; first += LANES) {
        const int64_t n = first + LANES < end ? LANES : end - first;
        const float *s = student + first * k, *t = teacher + first * k;
        for (int64_t i = 0; i < n; i++) s_max[i] = t_max[i] = -FLT_MAX;
        for (int64_t j = 0; j < k; j++)
            for (int64_t i = 0; i < n; i++) {
                float x = p[j][i] = s[i * k + j], y = q[j][i] = t[i * k + j];
                s_max[i] = x > s_max[i] ? x : s_max[i];
                t_max[i] = y > t_max[i] ? y : t_max[i];
            }
        for (int64_t j = 0; j < k; j++)
#pragma omp simd reduction(| : bad)
            for (int64_t i = 0; i < n; i++) {
                float x = p[j][i] - s_max[i], y = q[j][i] - t_max[i];
                bad |= !(x > -60.0f) | !(y > -60.0f);
                p[j][i] = power(x * 1.44269504f);
                q[j][i] = power(y * 1.44269504f);
                gap[j][i] = y - x;
                to[j][i] = value[i] = 0;
            }
        for (int64_t a = 0; a < k; a++)
            for (int64_t b = a + 1; b < k; b++) {
                const float weight = weights[a * k + b];
#pragma omp simd
                for (int64_t i = 0; i < n; i++) {
                    float p_sum = p[a][i] + p[b][i], q_sum = q[a][i] + q[b][i];
                    float p_a = p[a][i] / p_sum, q_a = q[a][i] / q_sum;
                    float kl = gap[b][i] + q_a * (gap[a][i] - gap[b][i]) +
                               logarithm(p_sum / q_sum);
                    float diff = weight * (p_a - q_a);
                    value[i] += weight * positive(kl);
                    to[a][i] += diff;
                    to[b][i] -= diff;
                }
            }
        for (int64_t i = 0; i < n; i++) {
            rows[first + i] = value[i];
            for (int64_t j = 0; j < k; j++)
                grad[(first + i) * k + j] = to[j][i];
        }
    }
    return bad;
}

/* Eight rows side by side. */
typedef float Floats __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));
typedef int64_t Longs __attribute__((vector_size(32)));

INLINE Ints pick(Ints mask, Ints a, Ints b) { return (mask & a) | (~mask & b); }

/* Sorts a class with its logits in among the largest. */
INLINE void insert(
    Floats *best, Ints *names, Floats given, Ints name, int64_t places,
    int64_t step)
{
    for (int64_t j = 0; j < places; j++, best += step, names += step) {
        Ints x = (Ints)given, held = (Ints)*best, held_name = *names;
        Ints more = given > *best;
        *best = (Floats)pick(more, x, held);
        *names = pick(more, name, held_name);
        given = (Floats)pick(more, held, x);
        name = pick(more, held_name, name);
    }
}

/* Classes of the k largest of sign * logits, for rows [begin, end). A row
   with a NaN, or with two equal ones among its k + 1 largest, gets -1 as its
   first class and is left to the caller; returns how many are. */
CLONES int64_t largest_classes(
    const float *logits, int64_t *top, const int64_t *steps, int64_t classes,
    int64_t k, float sign, int64_t begin, int64_t end)
{
    enum { BLOCKS = LANES / 8 };
    Floats best[MAX_K + 1][BLOCKS], x[BLOCKS] = {{0}};
    Ints names[MAX_K + 1][BLOCKS], odd[BLOCKS];
    int64_t left = 0;
    for (int64_t first = begin; first < end; first += LANES) {
        const int64_t n = first + LANES < end ? LANES : end - first;
        const float *from = logits + first * steps[0];
        for (int b = 0; b < BLOCKS; b++) {
            odd[b] = (Ints){0};
            for (int64_t j = 0; j <= k; j++) {
                best[j][b] = (Floats){0} - INFINITY;
                names[j][b] = (Ints){0} - 1;
            }
        }
        for (int32_t c = 0; c < classes; c++, from += steps[1]) {
            for (int64_t i = 0; i < n; i++)
                ((float *)x)[i] = sign * from[i * steps[0]];
            for (int b = 0; b < BLOCKS; b++) {
                Longs more = (Longs)(x[b] > best[k][b]);
                odd[b] |= x[b] != x[b];
                if (more[0] | more[1] | more[2] | more[3])
                insert(&best[0][b], &names[0][b], x[b], (Ints){0} + c, k + 1, BLOCKS);
            }
        }
        for (int64_t i = 0; i < n; i++) {
            int32_t is_odd = ((int32_t *)odd)[i];
            int64_t *to = top + (first + i) * steps[2];
            for (int64_t j = 0; j < k; j++) {
                is_odd |= ((float *)best[j])[i] == ((float *)best[j + 1])[i];
                to[j * steps[3]] = ((int32_t *)names[j])[i];
            }
            if (is_odd) {
                to[0] = -1;
                left++;
            }
        }
    }
    return left;
}
