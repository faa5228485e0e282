"""The Triton kernel of the grouped KL for rows of very many classes.

A program goes through the classes of one row block by block: once for the
masses of the groups, once for the values, and once more for the gradient of
the reverse KL, which needs them. The top classes of a row are few and lie in
a tile of their own.
"""

import triton
import triton.language as tl

from .cuda_kernel import (
    between_groups,
    group_powers,
    inside_group,
    inside_slope,
    log_ratios,
    row_weight,
    store_slope,
)


@triton.jit
def _rest_of_block(
    student,
    teacher,
    top,
    row,
    start,
    classes,
    s_row,
    s_class,
    t_row,
    t_class,
    scale,
    K: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Some classes of a row, -inf at those that are not in the rest."""
    column = start + tl.arange(0, BLOCK)
    if WIDE:
        column = column.to(tl.int64)
    column = column[None, :]
    inside = column < classes
    for j in tl.static_range(K):
        chosen = tl.load(top + row * K + j)
        inside = inside & (column != chosen[:, None])
    s = tl.load(
        student + row[:, None] * s_row + column * s_class,
        mask=inside,
        other=float('-inf'),
    )
    t = tl.load(
        teacher + row[:, None] * t_row + column * t_class,
        mask=inside,
        other=float('-inf'),
    )
    return s.to(tl.float32) * scale, t.to(tl.float32) * scale, column, inside


@triton.jit
def _add_block(x, large, total):
    """Largest logit so far, and the sum of the powers below it."""
    larger = tl.maximum(large, tl.max(x, 1))
    base = tl.where(larger == float('-inf'), 0.0, larger)
    powers = tl.sum(tl.exp2(x - base[:, None]), 1)
    return larger, total * tl.exp2(large - base) + powers


@triton.jit
def _mass(large, total):
    """Logarithm of a mass."""
    return tl.where(large == float('-inf'), 0.0, large) + tl.log2(total)


@triton.jit
def long_group_kl_kernel(
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
    nowhere = float('-inf')
    row = tl.program_id(0) + tl.arange(0, 1)
    if WIDE:
        row = row.to(tl.int64)
    is_row = row < count
    w_rest = row_weight(
        w_rest_at, w_rest_value, w_rest_row, row, is_row, REST_PER_ROW
    )

    s_large = tl.full((1,), nowhere, tl.float32)
    t_large = tl.full((1,), nowhere, tl.float32)
    s_sum = tl.zeros((1,), tl.float32)
    t_sum = tl.zeros((1,), tl.float32)
    for start in range(0, classes, BLOCK):
        s, t, column, inside = _rest_of_block(
            student,
            teacher,
            top,
            row,
            start,
            classes,
            s_row,
            s_class,
            t_row,
            t_class,
            scale,
            K,
            WIDE,
            BLOCK,
        )
        s_large, s_sum = _add_block(s, s_large, s_sum)
        t_large, t_sum = _add_block(t, t_large, t_sum)
    s_log = _mass(s_large, s_sum)
    t_log = _mass(t_large, t_sum)

    high = tl.zeros((1,), tl.float32)
    low_top = tl.zeros((1,), tl.float32)
    outer = tl.zeros((1,), tl.float32)
    if K > 0:
        w_high = row_weight(
            w_high_at, w_high_value, w_high_row, row, is_row, HIGH_PER_ROW
        )
        w_top = row_weight(
            w_top_at, w_top_value, w_top_row, row, is_row, TOP_PER_ROW
        )
        j = tl.arange(0, ROWS)[None, :]  # ROWS places for K classes
        chosen = tl.load(top + row[:, None] * K + j, mask=j < K, other=0)
        s_few = tl.load(
            student + row[:, None] * s_row + chosen * s_class,
            mask=j < K,
            other=nowhere,
        )
        t_few = tl.load(
            teacher + row[:, None] * t_row + chosen * t_class,
            mask=j < K,
            other=nowhere,
        )
        s_few = s_few.to(tl.float32) * scale
        t_few = t_few.to(tl.float32) * scale
        in_top = (j >= LEAD) & (j < K)
        p_top, q_top, s_top, t_top = group_powers(s_few, t_few, in_top)
        s_one = tl.full((1,), nowhere, tl.float32)
        t_one = s_one
        if LEAD > 0:
            p_one, q_one, s_one, t_one = group_powers(s_few, t_few, j < LEAD)
        high, diff, diff_top, diff_one = between_groups(
            s_log, t_log, s_top, t_top, s_one, t_one, CROSS_ENTROPY
        )
        outer = w_high * diff
        if K > LEAD + 1:
            low_top, turned, mean = inside_group(
                s_few, t_few, p_top, q_top, s_top, t_top, FORWARD, REVERSE
            )
        if NEED_GRAD:
            grad_few = (w_high * diff_top)[:, None] * p_top
            if LEAD > 0:
                grad_few += (w_high * diff_one)[:, None] * p_one
            if K > LEAD + 1:
                grad_few += inside_slope(
                    w_top, p_top, q_top, turned, mean, FORWARD, REVERSE
                )
            few_at = grad_at + row[:, None] * g_row + chosen * g_class
            store_slope(few_at, grad_few * tau, j < K, LIMIT)

    forth = tl.zeros((1,), tl.float32)
    back = tl.zeros((1,), tl.float32)
    for start in range(0, classes, BLOCK):
        s, t, column, inside = _rest_of_block(
            student,
            teacher,
            top,
            row,
            start,
            classes,
            s_row,
            s_class,
            t_row,
            t_class,
            scale,
            K,
            WIDE,
            BLOCK,
        )
        s = log_ratios(s, s_log)
        t = log_ratios(t, t_log)
        p = tl.exp2(s)
        q = tl.exp2(t)
        if CROSS_ENTROPY:
            forth -= tl.sum(tl.where(q == 0, 0.0, q * s), 1)
        else:
            forth += tl.sum(tl.where(q == 0, 0.0, q * (t - s)), 1)
        if REVERSE > 0:
            back += tl.sum(tl.where(p == 0, 0.0, p * (t - s)), 1)
        if NEED_GRAD and REVERSE == 0:
            grad = (w_rest * FORWARD)[:, None] * (p - q) + outer[:, None] * p
            at = grad_at + row[:, None] * g_row + column * g_class
            store_slope(at, grad * tau, inside, LIMIT)
    low = FORWARD * forth
    if REVERSE > 0:
        low -= REVERSE * back
    if CROSS_ENTROPY == 0:
        low = tl.where(low < 0, 0.0, low)

    if NEED_GRAD and REVERSE > 0:
        for start in range(0, classes, BLOCK):
            s, t, column, inside = _rest_of_block(
                student,
                teacher,
                top,
                row,
                start,
                classes,
                s_row,
                s_class,
                t_row,
                t_class,
                scale,
                K,
                WIDE,
                BLOCK,
            )
            s = log_ratios(s, s_log)
            t = log_ratios(t, t_log)
            p = tl.exp2(s)
            q = tl.exp2(t)
            weighted = tl.where(p == 0, 0.0, p * (t - s))
            grad = inside_slope(w_rest, p, q, weighted, back, FORWARD, REVERSE)
            grad += outer[:, None] * p
            at = grad_at + row[:, None] * g_row + column * g_class
            store_slope(at, grad * tau, inside, LIMIT)

    value = w_rest * low
    if K > 0:
        value += w_high * high
        if K > LEAD + 1:
            value += w_top * low_top
    tl.store(rows_at + row, value * unit)
    tl.store(parts_at + row, high * unit)
    tl.store(parts_at + count + row, low_top * unit)
    tl.store(parts_at + 2 * count + row, low * unit)
