"""The Triton kernel of the grouped KL, which ``cuda.py`` launches.

It reads no globals; 0.6931471805599453 is the natural logarithm of 2.
"""

import triton
import triton.language as tl


@triton.jit
def _group(s, t, inside):
    """Powers of two, log masses and the gap inside one group of classes."""
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
def _low(
    s, t, p, q, s_log, t_log, FORWARD: tl.constexpr, REVERSE: tl.constexpr
):
    """KL inside a group, in bits, and the means that its gradient needs."""
    nowhere = float('-inf')
    s_ratio = s - tl.where(s_log == nowhere, 0.0, s_log)[:, None]
    t_ratio = t - tl.where(t_log == nowhere, 0.0, t_log)[:, None]
    gap = t_ratio - s_ratio
    weighted = tl.where(p == 0, 0.0, p * gap)
    back = tl.sum(weighted, 1)
    value = tl.zeros_like(back)
    if FORWARD > 0:
        value += FORWARD * tl.sum(tl.where(q == 0, 0.0, q * gap), 1)
    if REVERSE > 0:
        value -= REVERSE * back
    return tl.where(value < 0, 0.0, value), weighted, back


@triton.jit
def _add_logs(a, b):
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
    scale,
    tau,
    unit,
    K: tl.constexpr,
    LEAD: tl.constexpr,
    FORWARD: tl.constexpr,
    REVERSE: tl.constexpr,
    CROSS_ENTROPY: tl.constexpr,
    NEED_GRAD: tl.constexpr,
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

    w_rest = tl.load(w_rest_at + row * w_rest_row, mask=is_row, other=0.0)
    p, q, s_log, t_log = _group(s, t, in_rest)
    low, weighted, back = _low(s, t, p, q, s_log, t_log, FORWARD, REVERSE)
    if CROSS_ENTROPY:
        own = s - tl.where(s_log == nowhere, 0.0, s_log)[:, None]
        low = -tl.sum(tl.where(q == 0, 0.0, q * own), 1)
    value = w_rest * low
    high = tl.zeros_like(low)
    low_top = tl.zeros_like(low)
    if NEED_GRAD:
        weight = w_rest[:, None]
        grad = weight * FORWARD * (p - q)
        if REVERSE > 0:
            turn = p * back[:, None] - weighted
            grad += weight * (REVERSE * 0.6931471805599453) * turn
    if K > 0:
        w_high = tl.load(w_high_at + row * w_high_row, mask=is_row, other=0.0)
        w_top = tl.load(w_top_at + row * w_top_row, mask=is_row, other=0.0)
        p_top, q_top, s_top, t_top = _group(s, t, in_top)
        s_total = _add_logs(s_log, s_top)
        t_total = _add_logs(t_log, t_top)
        if LEAD > 0:
            p_one, q_one, s_one, t_one = _group(s, t, in_lead)
            s_total = _add_logs(s_total, s_one)
            t_total = _add_logs(t_total, t_one)
        # Rows whose classes are all masked have a mass of 0.
        s_total = tl.where(s_total == nowhere, 0.0, s_total)
        t_total = tl.where(t_total == nowhere, 0.0, t_total)
        p_group = tl.exp2(s_log - s_total)
        q_group = tl.exp2(t_log - t_total)
        p_group_top = tl.exp2(s_top - s_total)
        q_group_top = tl.exp2(t_top - t_total)
        if K > LEAD + 1:
            low_top, weighted, back = _low(
                s, t, p_top, q_top, s_top, t_top, FORWARD, REVERSE
            )
        if CROSS_ENTROPY:
            high = tl.where(
                q_group_top == 0, 0.0, q_group_top * (s_total - s_top)
            )
            diff = q_group_top * p_group
            diff_top = -diff
        else:
            high = _high(q_group, s_log, t_log, s_total, t_total)
            high += _high(q_group_top, s_top, t_top, s_total, t_total)
            diff = p_group - q_group
            diff_top = p_group_top - q_group_top
            if LEAD > 0:
                p_group_one = tl.exp2(s_one - s_total)
                q_group_one = tl.exp2(t_one - t_total)
                high += _high(q_group_one, s_one, t_one, s_total, t_total)
            high = tl.where(high < 0, 0.0, high)
        value += w_high * high
        if K > LEAD + 1:
            value += w_top * low_top
        if NEED_GRAD:
            grad += (w_high * diff)[:, None] * p
            grad += (w_high * diff_top)[:, None] * p_top
            if LEAD > 0:
                diff_one = p_group_one - q_group_one
                grad += (w_high * diff_one)[:, None] * p_one
            if K > LEAD + 1:
                weight = w_top[:, None]
                grad += weight * FORWARD * (p_top - q_top)
                if REVERSE > 0:
                    turn = p_top * back[:, None] - weighted
                    grad += weight * (REVERSE * 0.6931471805599453) * turn
    tl.store(rows_at + row, value * unit, mask=is_row)
    tl.store(parts_at + row, high * unit, mask=is_row)
    tl.store(parts_at + count + row, low_top * unit, mask=is_row)
    tl.store(parts_at + 2 * count + row, low * unit, mask=is_row)
    if NEED_GRAD:
        tl.store(
            grad_at + row[:, None] * g_row + column[None, :] * g_class,
            grad * tau,
            mask=real,
        )
