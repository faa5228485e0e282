"""The Triton kernel of the grouped KL, which ``cuda.py`` launches.

It reads no globals; 0.6931471805599453 is the natural logarithm of 2. Its
parts serve ``cuda_long_kernel.py`` too: they work on tiles (ROWS, BLOCK), in
powers of two.
"""

import triton
import triton.language as tl


@triton.jit
def group_powers(s, t, inside):
    """Powers of two and log masses of one group of classes."""
    nowhere = float('-inf')
    s = tl.where(inside, s, nowhere)
    t = tl.where(inside, t, nowhere)
    s_max = tl.max(s, 1)
    t_max = tl.max(t, 1)
    s_max = tl.where(s_max == nowhere, 0.0, s_max)
    t_max = tl.where(t_max == nowhere, 0.0, t_max)
    p = tl.exp2(s - s_max[:, None])
    q = tl.exp2(t - t_max[:, None])
    p_sum = tl.sum(p, 1)
    q_sum = tl.sum(q, 1)
    p = p / tl.where(p_sum == 0, 1.0, p_sum)[:, None]
    q = q / tl.where(q_sum == 0, 1.0, q_sum)[:, None]
    s_log = s_max + tl.log2(p_sum)
    t_log = t_max + tl.log2(q_sum)
    return p, q, s_log, t_log


@triton.jit
def log_ratios(x, x_log):
    """Logarithm of the probabilities in a group; -inf in one without mass."""
    return x - tl.where(x_log == float('-inf'), 0.0, x_log)[:, None]


@triton.jit
def inside_group(
    s, t, p, q, s_log, t_log, FORWARD: tl.constexpr, REVERSE: tl.constexpr
):
    """KL inside a group, in bits, and the means that its gradient needs."""
    gap = log_ratios(t, t_log) - log_ratios(s, s_log)
    weighted = tl.where(p == 0, 0.0, p * gap)
    back = tl.sum(weighted, 1)
    value = tl.zeros_like(back)
    if FORWARD > 0:
        value += FORWARD * tl.sum(tl.where(q == 0, 0.0, q * gap), 1)
    if REVERSE > 0:
        value -= REVERSE * back
    return tl.where(value < 0, 0.0, value), weighted, back


@triton.jit
def inside_slope(
    weight, p, q, weighted, back, FORWARD: tl.constexpr, REVERSE: tl.constexpr
):
    """Gradient of the KL inside a group, times its weight."""
    grad = weight[:, None] * FORWARD * (p - q)
    if REVERSE > 0:
        turn = p * back[:, None] - weighted
        grad += weight[:, None] * (REVERSE * 0.6931471805599453) * turn
    return grad


@triton.jit
def add_logs(a, b):
    """log2(2**a + 2**b)."""
    large = tl.maximum(a, b)
    base = tl.where(large == float('-inf'), 0.0, large)
    return base + tl.log2(tl.exp2(a - base) + tl.exp2(b - base))


@triton.jit
def _high(prob, s_log, t_log, s_total, t_total):
    """One group's term of the KL between masses, in bits."""
    gap = (t_log - t_total) - (s_log - s_total)
    return tl.where(prob == 0, 0.0, prob * gap)


@triton.jit
def between_groups(
    s_log, t_log, s_top, t_top, s_one, t_one, CROSS_ENTROPY: tl.constexpr
):
    """KL between the masses of the rest, the top and the lead class.

    In bits, with its derivatives by the logarithms of the three masses. An
    empty group has the logarithm -inf.
    """
    nowhere = float('-inf')
    s_total = add_logs(add_logs(s_log, s_top), s_one)
    t_total = add_logs(add_logs(t_log, t_top), t_one)
    # Rows whose classes are all masked have a mass of 0.
    s_total = tl.where(s_total == nowhere, 0.0, s_total)
    t_total = tl.where(t_total == nowhere, 0.0, t_total)
    p = tl.exp2(s_log - s_total)
    q = tl.exp2(t_log - t_total)
    p_top = tl.exp2(s_top - s_total)
    q_top = tl.exp2(t_top - t_total)
    if CROSS_ENTROPY:
        high = tl.where(q_top == 0, 0.0, q_top * (s_total - s_top))
        diff = q_top * p
        diff_top = -diff
        diff_one = tl.zeros_like(diff)
    else:
        p_one = tl.exp2(s_one - s_total)
        q_one = tl.exp2(t_one - t_total)
        high = _high(q, s_log, t_log, s_total, t_total)
        high += _high(q_top, s_top, t_top, s_total, t_total)
        high += _high(q_one, s_one, t_one, s_total, t_total)
        high = tl.where(high < 0, 0.0, high)
        diff = p - q
        diff_top = p_top - q_top
        diff_one = p_one - q_one
    return high, diff, diff_top, diff_one


@triton.jit
def row_weight(at, value, step, row, is_row, PER_ROW: tl.constexpr):
    """The weights of some rows: their own, or one for all."""
    if PER_ROW:
        weight = tl.load(at + row * step, mask=is_row, other=0.0)
        weight = weight.to(tl.float32)
    else:
        weight = tl.zeros_like(row).to(tl.float32) + value
    return weight


@triton.jit
def store_slope(at, grad, mask, LIMIT: tl.constexpr):
    """Store in the type of the logits; float16 ends at LIMIT, NaN stays."""
    if LIMIT > 0:
        grad = tl.where(grad > LIMIT, LIMIT, grad)
        grad = tl.where(grad < -LIMIT, -LIMIT, grad)
    tl.store(at, grad, mask=mask)


@triton.jit
def group_kl_kernel(
    student,
    teacher,
    top,
    w_high_at,
    w_top_at,
    w_rest_at,
    rows_at,
    parts_at,
    grad_at,
    count,
    classes,
    s_row,
    s_class,
    t_row,
    t_class,
    g_row,
    g_class,
    w_high_row,
    w_top_row,
    w_rest_row,
    w_high_value,
    w_top_value,
    w_rest_value,
    scale,
    tau,
    unit,
    HIGH_PER_ROW: tl.constexpr,
    TOP_PER_ROW: tl.constexpr,
    REST_PER_ROW: tl.constexpr,
    K: tl.constexpr,
    LEAD: tl.constexpr,
    FORWARD: tl.constexpr,
    REVERSE: tl.constexpr,
    CROSS_ENTROPY: tl.constexpr,
    NEED_GRAD: tl.constexpr,
    LIMIT: tl.constexpr,
    WIDE: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, BLOCK)
    if WIDE:
        row = row.to(tl.int64)
        column = column.to(tl.int64)
    is_row = row < count
    real = is_row[:, None] & (column < classes)[None, :]
    nowhere = float('-inf')
    s = tl.load(
        student + row[:, None] * s_row + column[None, :] * s_class,
        mask=real,
        other=nowhere,
    )
    t = tl.load(
        teacher + row[:, None] * t_row + column[None, :] * t_class,
        mask=real,
        other=nowhere,
    )
    s = s.to(tl.float32) * scale
    t = t.to(tl.float32) * scale

    in_lead = column[None, :] < tl.zeros((ROWS, 1), tl.int32)
    in_top = in_lead
    for j in tl.static_range(K):
        chosen = tl.load(top + row * K + j, mask=is_row, other=-1)
        chosen = chosen.to(tl.int32)
        if j < LEAD:
            in_lead = in_lead | (column[None, :] == chosen[:, None])
        else:
            in_top = in_top | (column[None, :] == chosen[:, None])
    in_rest = real & (in_top == 0) & (in_lead == 0)

    w_rest = row_weight(
        w_rest_at, w_rest_value, w_rest_row, row, is_row, REST_PER_ROW
    )
    p, q, s_log, t_log = group_powers(s, t, in_rest)
    low, weighted, back = inside_group(
        s, t, p, q, s_log, t_log, FORWARD, REVERSE
    )
    if CROSS_ENTROPY:
        own = log_ratios(s, s_log)
        low = -tl.sum(tl.where(q == 0, 0.0, q * own), 1)
    value = w_rest * low
    high = tl.zeros_like(low)
    low_top = tl.zeros_like(low)
    if NEED_GRAD:
        grad = inside_slope(w_rest, p, q, weighted, back, FORWARD, REVERSE)
    if K > 0:
        w_high = row_weight(
            w_high_at, w_high_value, w_high_row, row, is_row, HIGH_PER_ROW
        )
        w_top = row_weight(
            w_top_at, w_top_value, w_top_row, row, is_row, TOP_PER_ROW
        )
        p_top, q_top, s_top, t_top = group_powers(s, t, in_top)
        s_one = tl.zeros_like(s_top) + nowhere
        t_one = s_one
        if LEAD > 0:
            p_one, q_one, s_one, t_one = group_powers(s, t, in_lead)
        high, diff, diff_top, diff_one = between_groups(
            s_log, t_log, s_top, t_top, s_one, t_one, CROSS_ENTROPY
        )
        value += w_high * high
        if K > LEAD + 1:
            low_top, weighted, back = inside_group(
                s, t, p_top, q_top, s_top, t_top, FORWARD, REVERSE
            )
            value += w_top * low_top
        if NEED_GRAD:
            grad += (w_high * diff)[:, None] * p
            grad += (w_high * diff_top)[:, None] * p_top
            if LEAD > 0:
                grad += (w_high * diff_one)[:, None] * p_one
            if K > LEAD + 1:
                grad += inside_slope(
                    w_top, p_top, q_top, weighted, back, FORWARD, REVERSE
                )
    tl.store(rows_at + row, value * unit, mask=is_row)
    tl.store(parts_at + row, high * unit, mask=is_row)
    tl.store(parts_at + count + row, low_top * unit, mask=is_row)
    tl.store(parts_at + 2 * count + row, low * unit, mask=is_row)
    if NEED_GRAD:
        at = grad_at + row[:, None] * g_row + column[None, :] * g_class
        store_slope(at, grad * tau, real, LIMIT)
