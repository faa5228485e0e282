/* Grouped KL of rows and KL of pairs with their gradients, and the largest
   classes of rows.

   The mathematics of chunked.py, pair_kl.py and top_classes.py in float32,
   with each logit read once from memory; cpu.py calls it where it was built.
   Rows go in tiles that stay in the first cache. "By class" means that one
   class of many rows lies together in memory, as in a (B, C, H, W) map;
   otherwise one row with its classes does. Inner loops go along what lies
   together.

   In the names, p and s belong to the student, q and t to the teacher. */

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && \
    !defined(__clang__)
/* Built for several processors; the loader takes the best that fits. */
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))

enum { MAX_K = 15 };  /* most classes that are sorted, or compared in pairs */
enum { LANES = 64 };  /* most rows of a tile */
enum { TILE = 2048 }; /* most logits of a tile of several rows */
enum { HIGH, LOW_TOP, LOW_REST, PARTS };

/* cpu_library.py repeats these three and MAX_K, and compares them with
   layout() below. */
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
    float *room; /* room_for() floats for each portion */
    float tau;
} Question;

typedef struct {
    const float *logits;
    int64_t *top;
    int64_t steps[4]; /* of the logits and of top: between rows, classes */
    int64_t count, classes, k;
    float sign; /* -1 for the smallest */
} Ranking;

typedef struct {
    const float *student, *teacher, *weights; /* (rows, k) twice, (k, k) */
    float *rows, *grad;                       /* (rows), (rows, k) */
    int64_t count, k;
} Pairs;

/* Of this file, given by setup.py. */
int64_t checksum(void) { return CHECKSUM; }

/* What the compiler made of the structures: first the structure and its size,
   then each field, its place and its size. A field without a name ends it. */
typedef struct {
    const char *name;
    int64_t offset, size;
} Field;
#define WHOLE(type) {#type, 0, sizeof(type)}
#define FIELD(type, name) \
    {#name, offsetof(type, name), sizeof(((type *)0)->name)}

static const Field LIMITS[] = {{"MAX_K", 0, MAX_K}, {0, 0, 0}};
static const Field QUESTION[] = {
    WHOLE(Question),
    FIELD(Question, student),
    FIELD(Question, teacher),
    FIELD(Question, top),
    FIELD(Question, weights),
    FIELD(Question, rows),
    FIELD(Question, parts),
    FIELD(Question, grad),
    FIELD(Question, by_class),
    FIELD(Question, count),
    FIELD(Question, classes),
    FIELD(Question, k),
    FIELD(Question, lead),
    FIELD(Question, cross_entropy),
    FIELD(Question, student_step),
    FIELD(Question, teacher_step),
    FIELD(Question, grad_step),
    FIELD(Question, top_steps),
    FIELD(Question, weight_steps),
    FIELD(Question, room),
    FIELD(Question, tau),
    {0, 0, 0},
};
static const Field RANKING[] = {
    WHOLE(Ranking),
    FIELD(Ranking, logits),
    FIELD(Ranking, top),
    FIELD(Ranking, steps),
    FIELD(Ranking, count),
    FIELD(Ranking, classes),
    FIELD(Ranking, k),
    FIELD(Ranking, sign),
    {0, 0, 0},
};
static const Field PAIRS[] = {
    WHOLE(Pairs),
    FIELD(Pairs, student),
    FIELD(Pairs, teacher),
    FIELD(Pairs, weights),
    FIELD(Pairs, rows),
    FIELD(Pairs, grad),
    FIELD(Pairs, count),
    FIELD(Pairs, k),
    {0, 0, 0},
};

/* Limits, Question, Ranking or Pairs. */
const Field *layout(int64_t which)
{
    static const Field *const all[] = {LIMITS, QUESTION, RANKING, PAIRS};
    return all[which];
}

/* Rows [begin, end) of what is asked; returns how many need another way. */
typedef int64_t Work(
    const void *ask, int64_t portion, int64_t begin, int64_t end);

/* GOMP_parallel of the OpenMP library that PyTorch has loaded: its threads are
   awake when ours are wanted. No address where there is none. */
typedef void Parallel(void (*)(void *), void *, unsigned, unsigned);

typedef struct {
    Work *work;
    const void *ask;
    int64_t rows, portions, taken, found;
} Job;

static void take_portions(void *given)
{
    Job *job = given;
    int64_t portion;
    while ((portion = __atomic_fetch_add(&job->taken, 1, __ATOMIC_RELAXED)) <
           job->portions) {
        int64_t found = job->work(
            job->ask, portion, job->rows * portion / job->portions,
            job->rows * (portion + 1) / job->portions);
        __atomic_fetch_add(&job->found, found, __ATOMIC_RELAXED);
    }
}

static int64_t in_portions(
    Work *work, const void *ask, int64_t rows, int64_t portions,
    Parallel *parallel)
{
    Job job = {work, ask, rows, portions, 0, 0};
    if (parallel && portions > 1)
        parallel(take_portions, &job, (unsigned)portions, 0);
    else
        take_portions(&job);
    return job.found;
}

/* 2**x; beyond +-126 that of the bound. NaN stays NaN. */
INLINE float power(float x)
{
    const float magic = 12582912.0f; /* 1.5 * 2**23: adding it rounds */
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

/* Whether a sum of powers, or a ratio of two, left the range; NaN did. */
INLINE int far(float mass)
{
    return !(mass > FLT_MIN * 1e8f) | !(mass < FLT_MAX * 1e-8f);
}

/* Powers of some classes of some rows, or their sums over classes. */
typedef struct {
    float *p, *q;
    float *dot; /* q * (t - s); q * (-s) for the cross-entropy */
} Powers;

/* What a portion works with: one tile, and lines of LANES numbers. */
typedef struct {
    Powers tile;                /* all classes, with 0 at the top ones */
    Powers tops;                /* the top classes, a line each */
    Powers rest, top;           /* sums; the lead class is not in the top */
    float *weights, *diffs;     /* 3 lines each */
    float *ratios, *low, *high; /* 2 lines, 2 lines, 1 line */
    float *to_p, *to_q;
} Room;
enum { LINES = 3 + 3 + 3 + 3 + 2 + 2 + 1 + 1 + 1 };

INLINE float *take(float **at, int64_t size)
{
    float *taken = *at;
    *at += size;
    return taken;
}

INLINE Powers take_powers(float **at, int64_t size)
{
    float *p = take(at, 3 * size);
    return (Powers){p, p + size, p + 2 * size};
}

INLINE Powers from(Powers lines, int64_t at)
{
    return (Powers){lines.p + at, lines.q + at, lines.dot + at};
}

INLINE int64_t rows_of_tile(int64_t classes)
{
    int64_t rows = TILE / classes;
    return rows < 1 ? 1 : rows > LANES ? LANES : rows;
}

/* Floats that a portion needs in group_kl. */
int64_t room_for(int64_t classes, int64_t k)
{
    return 3 * (rows_of_tile(classes) * classes + k * LANES) + LINES * LANES;
}

INLINE Room arrange(float *at, int64_t classes, int64_t k)
{
    Room room;
    room.tile = take_powers(&at, rows_of_tile(classes) * classes);
    room.tops = take_powers(&at, k * LANES);
    room.rest = take_powers(&at, LANES);
    room.top = take_powers(&at, LANES);
    room.weights = take(&at, PARTS * LANES);
    room.diffs = take(&at, 3 * LANES);
    room.ratios = take(&at, 2 * LANES);
    room.low = take(&at, 2 * LANES);
    room.high = take(&at, LANES);
    room.to_p = take(&at, LANES);
    room.to_q = take(&at, LANES);
    return room;
}

INLINE void raise(
    const float *s, const float *t, Powers out, int64_t n, float scale,
    float own)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float x = s[i], y = t[i], b = power(y * scale);
        out.p[i] = power(x * scale);
        out.q[i] = b;
        out.dot[i] = b * (own * y - x);
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

INLINE int64_t top_class(const Question *ask, int64_t row, int64_t j)
{
    return ask->top[row * ask->top_steps[0] + j * ask->top_steps[1]];
}

/* Moves the top classes out of the tile; 1 if one of them does not exist. */
INLINE int cut_out(const Question *ask, Room room, int64_t first, int64_t n)
{
    const int64_t class_step = ask->by_class ? n : 1;
    const int64_t row_step = ask->by_class ? 1 : ask->classes;
    Powers tile = room.tile, tops = room.tops;
    for (int64_t j = 0; j < ask->k; j++)
        for (int64_t i = 0; i < n; i++) {
            int64_t c = top_class(ask, first + i, j), to = j * LANES + i;
            if (c < 0 || c >= ask->classes) return 1;
            c = i * row_step + c * class_step;
            tops.p[to] = tile.p[c];
            tops.q[to] = tile.q[c];
            tops.dot[to] = tile.dot[c];
            tile.p[c] = tile.q[c] = tile.dot[c] = 0;
        }
    return 0;
}

/* KL inside a group, and the logarithm of the ratio of its masses. */
INLINE int inside(
    Powers sums, float *ratio, float *low, int64_t n, float tau, float own)
{
    int bad = 0;
#pragma omp simd reduction(| : bad)
    for (int64_t i = 0; i < n; i++) {
        float p = sums.p[i], q = sums.q[i], dot = sums.dot[i];
        float quotient = own > 0 ? p / q : p, log_ratio = logarithm(quotient);
        ratio[i] = log_ratio;
        low[i] = positive(tau * (dot / q) + tau * tau * log_ratio);
        bad |= far(p) | far(q) | far(quotient) | !(dot - dot == 0);
    }
    return bad;
}

/* KL between the masses of the groups, and its gradient with respect to the
   logarithms of the masses: of the rest, the top and the lead class. */
INLINE int between(
    Room room, int64_t n, float unit, const int lead, const int cross_entropy)
{
    const Powers rest = room.rest, top = room.top, first = room.tops;
    const float *rest_ratio = room.ratios, *top_ratio = room.ratios + LANES;
    float *diffs = room.diffs;
    int bad = 0;
#pragma omp simd reduction(| : bad)
    for (int64_t i = 0; i < n; i++) {
        float p0 = rest.p[i], p1 = top.p[i], p2 = lead ? first.p[i] : 0;
        float q0 = rest.q[i], q1 = top.q[i], q2 = lead ? first.q[i] : 0;
        float p = p0 + p1 + p2, q = q0 + q1 + q2, value;
        if (cross_entropy) {
            value = (q1 / q) * logarithm(p / p1);
            bad |= far(p / p1);
            diffs[i] = (q1 / q) * (p0 / p);
            diffs[LANES + i] = -diffs[i];
        } else {
            float among = q0 * rest_ratio[i] + q1 * top_ratio[i];
            if (lead) {
                among += q2 * logarithm(p2 / q2);
                bad |= far(p2) | far(q2) | far(p2 / q2);
                diffs[2 * LANES + i] = p2 / p - q2 / q;
            }
            value = logarithm(p / q) - among / q;
            diffs[i] = p0 / p - q0 / q;
            diffs[LANES + i] = p1 / p - q1 / q;
        }
        room.high[i] = unit * positive(value);
    }
    return bad;
}

/* Factors of p and q in the gradient inside a group. */
INLINE void factors(
    Room room, const float *weight, const float *diff, Powers sums, int64_t n,
    float tau)
{
    const float *w_high = room.weights + HIGH * LANES;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float inner = weight ? weight[i] : 0, outer = diff ? diff[i] : 0;
        room.to_p[i] = tau * (inner + w_high[i] * outer) / sums.p[i];
        room.to_q[i] = tau * inner / sums.q[i];
    }
}

INLINE void differentiate(
    const Question *ask, Room room, int64_t first, int64_t n)
{
    const int64_t k = ask->k, lead = ask->lead, by_class = ask->by_class;
    const int64_t class_step = by_class ? ask->grad_step : 1;
    const int64_t row_step = by_class ? 1 : ask->grad_step;
    const int64_t outer = by_class ? ask->classes : n;
    const int64_t length = by_class ? n : ask->classes;
    const float tau = ask->tau, *w_high = room.weights + HIGH * LANES;
    const float *to_p = room.to_p, *to_q = room.to_q;
    const float *lead_diff = room.diffs + 2 * LANES;
    float *grad = ask->grad + first * row_step;

    factors(room, room.weights + LOW_REST * LANES, k ? room.diffs : 0,
            room.rest, n, tau);
    for (int64_t o = 0; o < outer; o++) {
        const Powers line = from(room.tile, o * length);
        float *to = grad + o * ask->grad_step;
        if (by_class) {
#pragma omp simd
            for (int64_t i = 0; i < length; i++)
                to[i] = line.p[i] * to_p[i] - line.q[i] * to_q[i];
        } else {
            const float a = to_p[o], b = to_q[o];
#pragma omp simd
            for (int64_t i = 0; i < length; i++)
                to[i] = line.p[i] * a - line.q[i] * b;
        }
    }
    if (!k) return;
    factors(room, k > lead + 1 ? room.weights + LOW_TOP * LANES : 0,
            room.diffs + LANES, room.top, n, tau);
    for (int64_t j = 0; j < k; j++) {
        const Powers line = from(room.tops, j * LANES);
        for (int64_t i = 0; i < n; i++) {
            int64_t c = top_class(ask, first + i, j);
            grad[i * row_step + c * class_step] =
                j < lead ? tau * w_high[i] * lead_diff[i]
                         : line.p[i] * to_p[i] - line.q[i] * to_q[i];
        }
    }
}

CLONES static int64_t group_kl_portion(
    const void *given, int64_t portion, int64_t begin, int64_t end)
{
    const Question *ask = given;
    const int64_t classes = ask->classes, k = ask->k, lead = ask->lead;
    const int64_t by_class = ask->by_class, most = rows_of_tile(classes);
    const int64_t s_step = ask->student_step, t_step = ask->teacher_step;
    const float tau = ask->tau, unit = tau * tau, scale = 1.44269504f / tau;
    const float own = ask->cross_entropy ? 0 : 1;
    const int with_top = k > lead + 1;
    const Room room =
        arrange(ask->room + portion * room_for(classes, k), classes, k);

    for (int64_t first = begin; first < end; first += most) {
        const int64_t n = first + most < end ? most : end - first;
        const float *s = ask->student + first * (by_class ? 1 : s_step);
        const float *t = ask->teacher + first * (by_class ? 1 : t_step);
        int64_t outer = by_class ? classes : n;
        int64_t length = by_class ? n : classes;
        if (s_step == length && t_step == length) { /* one line in memory */
            length *= outer;
            outer = 1;
        }
        for (int64_t o = 0; o < outer; o++)
            raise(s + o * s_step, t + o * t_step, from(room.tile, o * length),
                  length, scale, own);
        int bad = cut_out(ask, room, first, n);
        if (by_class)
            add_by_class(room.tile, classes, n, room.rest, n);
        else
            add_by_row(room.tile, classes, room.rest, n);
        bad |= inside(room.rest, room.ratios, room.low, n, tau, own);
        if (k) {
            add_by_class(from(room.tops, lead * LANES), k - lead, LANES,
                         room.top, n);
            bad |= inside(room.top, room.ratios + LANES, room.low + LANES, n,
                          tau, own);
            if (ask->cross_entropy)
                bad |= between(room, n, unit, 0, 1);
            else if (lead)
                bad |= between(room, n, unit, 1, 0);
            else
                bad |= between(room, n, unit, 0, 0);
        }
        if (bad) return 1;

        const float *weights[PARTS], *low = room.low;
        for (int part = 0; part < PARTS; part++) {
            float *line = room.weights + part * LANES;
            int64_t step = ask->weight_steps[part];
            for (int64_t i = 0; i < n; i++)
                line[i] = ask->weights[part][(first + i) * step];
            weights[part] = line;
        }
        float *high_at = ask->parts + first, *top_at = high_at + ask->count;
        float *rest_at = top_at + ask->count, *rows = ask->rows + first;
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            float high = k ? room.high[i] : 0;
            float low_top = with_top ? low[LANES + i] : 0;
            rows[i] = weights[HIGH][i] * high + weights[LOW_TOP][i] * low_top +
                      weights[LOW_REST][i] * low[i];
            high_at[i] = high;
            top_at[i] = low_top;
            rest_at[i] = low[i];
        }
        if (ask->grad) differentiate(ask, room, first, n);
    }
    return 0;
}

/* Not 0 if a row needs the slower form. */
int64_t group_kl(const Question *ask, int64_t portions, Parallel *parallel)
{
    return in_portions(group_kl_portion, ask, ask->count, portions, parallel);
}

CLONES static int64_t pair_kl_portion(
    const void *given, int64_t portion, int64_t begin, int64_t end)
{
    const Pairs *ask = given;
    const int64_t k = ask->k;
    float p[MAX_K][LANES], q[MAX_K][LANES], gap[MAX_K][LANES];
    float to[MAX_K][LANES], value[LANES], s_max[LANES], t_max[LANES];
    int bad = 0;
    for (int64_t first = begin; first < end && !bad; first += LANES) {
        const int64_t n = first + LANES < end ? LANES : end - first;
        const float *s = ask->student + first * k;
        const float *t = ask->teacher + first * k;
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
                const float weight = ask->weights[a * k + b];
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
            ask->rows[first + i] = value[i];
            for (int64_t j = 0; j < k; j++)
                ask->grad[(first + i) * k + j] = to[j][i];
        }
    }
    (void)portion;
    return bad;
}

/* KL of the two-class softmaxes of all pairs i < j of a row's k logits, each
   times weights[i * k + j], and its gradient. Not 0 if a row's logits lie too
   far apart. */
int64_t pair_kl(const Pairs *ask, int64_t portions, Parallel *parallel)
{
    return in_portions(pair_kl_portion, ask, ask->count, portions, parallel);
}

/* Four rows side by side. */
typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));
typedef int64_t Longs __attribute__((vector_size(16)));

INLINE Ints pick(Ints which, Ints a, Ints b)
{
    return (which & a) | (~which & b);
}

/* Sorts a class with its logits in among the largest, `step` apart. */
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

CLONES static int64_t portion_of_largest(
    const void *given, int64_t portion, int64_t begin, int64_t end)
{
    const Ranking *ask = given;
    const int64_t k = ask->k, *steps = ask->steps;
    const float sign = ask->sign;
    enum { BLOCKS = LANES / 4 };
    Floats best[MAX_K + 1][BLOCKS];
    Ints names[MAX_K + 1][BLOCKS], odd[BLOCKS];
    Floats line[BLOCKS] = {{0}};
    int64_t left = 0;
    for (int64_t first = begin; first < end; first += LANES) {
        const int64_t n = first + LANES < end ? LANES : end - first;
        const float *at = ask->logits + first * steps[0];
        for (int b = 0; b < BLOCKS; b++) {
            odd[b] = (Ints){0};
            for (int64_t j = 0; j <= k; j++) {
                best[j][b] = (Floats){0} - INFINITY;
                names[j][b] = (Ints){0};
            }
        }
        for (int32_t c = 0; c < ask->classes; c++, at += steps[1]) {
            for (int64_t i = 0; i < n; i++)
                ((float *)line)[i] = sign * at[i * steps[0]];
            for (int b = 0; b < BLOCKS; b++) {
                Floats x = line[b];
                Longs more = (Longs)(x > best[k][b]);
                odd[b] |= x != x;
                if (more[0] | more[1])
                    insert(&best[0][b], &names[0][b], x, (Ints){0} + c, k + 1,
                           BLOCKS);
            }
        }
        for (int64_t i = 0; i < n; i++) {
            int64_t *to = ask->top + (first + i) * steps[2];
            int is_odd = ((int32_t *)odd)[i];
            for (int64_t j = 0; j < k; j++) {
                const float *held = (float *)best[j], *next = held + LANES;
                is_odd |= held[i] == next[i];
                to[j * steps[3]] = ((int32_t *)names[j])[i];
            }
            if (is_odd) {
                to[0] = -1;
                left++;
            }
        }
    }
    (void)portion;
    return left;
}

/* Classes of the k largest of sign * logits. A row with a NaN, or with two
   equal ones among its k + 1 largest, gets -1 as its first class and is left
   to the caller; returns how many. */
int64_t largest_classes(
    const Ranking *ask, int64_t portions, Parallel *parallel)
{
    return in_portions(
        portion_of_largest, ask, ask->count, portions, parallel);
}
