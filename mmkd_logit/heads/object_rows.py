"""Rows of a detector at every location: a few objects, much background.

A detector without proposals gives a row for each location, anchor or query,
and nearly all of them are background. Which rows count, how much, and by what
their sum is divided decides whether a loss on them works at all.
"""

from typing import Any, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from ..messages import WrongValue
from ..structures.logit_pair import LogitPair
from .base import LogitReader
from .sdd.cells import check_reference
from .sdd.windows import check_windows, window_rows
from .upstream.dense_heads import largest_prob
from .upstream.maps import mean_over_processes

ROWS = ('all', 'positive')
WEIGHTINGS = ('label', 'teacher', 'foreground')
DIVISORS = ('objects', 'student')
#: Label of places that windows leave out.
IGNORED = -1


class WeighedRowsReader(LogitReader):
    """A reader with many rows that have no object.

    **Weights.** KL terms that compare class by class, and KD in either view,
    fade on a background row as the teacher grows sure of it. Losses with a
    fixed weight for the classes beside the label (DKD, NKD, GDKD ...) do
    not: at any level of certainty their non-target part stays near 0.24 nats
    a row (80 classes, errors of 0.7 in the logits), and a hundred thousand
    background rows drown the objects. KD couples that part to the
    probability that the teacher leaves to the other classes. So rows with a
    background column are weighed by the teacher's probability of any object,
    ``weighting='foreground'``, unless another weighting is named.

    KD in the categorical view is coupled already; ``weighting='label'`` adds
    no other weight. The default keeps a term small whatever the number of
    background rows is, which is not best where they are few: on the demo's
    digits (``python -m demo.views``, GFL, 20 rows for each with an object,
    weight 1, mean of three seeds) DKD reached a mAP of 0.244 with it, 0.221
    with ``rows='positive'``, and 0.450 with ``weighting='label'``, whose term
    is about six times larger; the student alone 0.160. Much of that is size:
    in one seed, six times the weight gave 0.357 against ``'label'``'s 0.445,
    and a sixth 0.254 against 0.220. COCO's images
    have some 22,000 (GFL) to 200,000 (RetinaNet) rows, and 0.24 nats for
    each would leave nothing of the task. Try both, and the weight first,
    where background rows are few.

    **Divisor.** Dense heads (RetinaNet, ATSS, GFL) divide the sum of their
    class loss by the number of positive rows, at least 1. Their loss fades
    on background; a distillation term fades less, and in a batch without
    objects that divisor made it tens of times larger.
    ``divisor='objects'`` divides by

        max(positives, sum over rows of the teacher's largest probability, 1)

    both averaged over the processes. With objects it is about the number of
    positives, as in the head's own loss; as they become fewer it tends to
    the number of rows in which the teacher predicts an object, which is above
    0 without objects too. So the scale of the loss does not jump from step to
    step.

    Args:
        weighting (str, optional): ``'label'`` weighs rows as the student's
            own loss does (ignored and padded anchors have weight 0).
            ``'teacher'`` multiplies that by the teacher's largest class
            probability, ``'foreground'`` by its probability of any object,
            in the categorical view of a sigmoid head. None is
            ``'foreground'`` where rows have a background column, softmax
            heads and the categorical view, and ``'label'`` elsewhere.
            Defaults to None.
        divisor (str): ``'objects'`` as above, or ``'student'`` for that of
            the student's own loss, as the authors' code of CrossKD and GDKD
            has it. Defaults to ``'objects'``.
        **kwargs: ``view`` of :class:`~mmkd_logit.heads.base.LogitReader`.

    Source:
        The division by the student's positives and the weight by the
        teacher's largest probability are those of CrossKD, Wang et al.,
        CVPR 2024, https://arxiv.org/abs/2306.11369, where the latter weighs
        boxes. Its use for classes, ``'foreground'`` and ``'objects'`` are
        this project's extensions.
    """

    def __init__(
        self,
        weighting: Optional[str] = None,
        divisor: str = 'objects',
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if weighting is not None:
            _one_of('weighting', weighting, WEIGHTINGS)
        _one_of('divisor', divisor, DIVISORS)
        self.weighting = weighting
        self.divisor = divisor

    def weighed(
        self,
        pair: LogitPair,
        positives: Optional[Union[float, Tensor]],
        num_classes: int,
        use_sigmoid: bool,
        places: Optional[Tensor] = None,
    ) -> LogitPair:
        """Weigh the rows and set their divisor.

        Args:
            pair (LogitPair): Rows as the head gave them, with the weights of
                the student's own loss, or of windows.
            positives (float or Tensor, optional): Divisor of the student's own
                class loss; None counts labelled rows.
            num_classes (int): Number of classes, without background.
            use_sigmoid (bool): Whether classes are independent.
            places (Tensor, optional): Number of places of the maps that
                windows were cut from. A row then is a window, and the divisor
                grows with their number, so that the loss is the mean over
                windows of all sizes. None where each row is a place.
        """
        prob = largest_prob(pair.teacher_logits, use_sigmoid, num_classes)
        if positives is None:
            positives = (pair.labels < num_classes).sum()
        if places is not None:
            positives = positives * len(prob) / places.clamp(min=1)
        if self.divisor == 'objects':
            counted = None if places is not None else pair.weight
            positives = object_divisor(positives, prob, counted)
        weighting = self.weighting
        if weighting is None:
            weighting = 'label'
            if self.view == 'categorical' or not use_sigmoid:
                weighting = 'foreground'
        if weighting != 'label':
            factor = prob
            if weighting == 'foreground':
                factor = foreground_prob(
                    pair.teacher_logits, use_sigmoid, num_classes
                )
            weight = factor if pair.weight is None else factor * pair.weight
            pair = pair._replace(weight=weight)
        return pair._replace(avg_factor=positives)


class ObjectRowsReader(WeighedRowsReader):
    """A reader of all locations of a detector, or of those with an object.

    Args:
        rows (str): ``'all'``, or ``'positive'`` for the rows that the
            student's assigner gave to an object. Defaults to ``'all'``.
        windows (Sequence[int]): Sides of scale-decoupling windows in
            locations, see
            :func:`~mmkd_logit.heads.sdd.windows.window_rows`; each level
            and each anchor has windows of its own, ignored anchors are left
            out. The loss is the mean over windows of all sizes. No paper
            defines them here. Defaults to (1, ), no scale decoupling.
        complementary_weight (float): Weight of a complementary window.
            Defaults to 2.0.
        reference (str): ``'label'`` or ``'teacher'``, what makes a window
            complementary. Defaults to 'label'.
        **kwargs: Of :class:`WeighedRowsReader`.
    """

    def __init__(
        self,
        rows: str = 'all',
        windows: Sequence[int] = (1,),
        complementary_weight: float = 2.0,
        reference: str = 'label',
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _one_of('rows', rows, ROWS)
        check_windows(windows)
        check_reference(reference, labels=())
        if rows == 'positive' and tuple(windows) != (1,):
            raise WrongValue(
                f'windows={tuple(windows)} need the whole maps; take '
                "rows='all'"
            )
        self.rows = rows
        self.windows = tuple(windows)
        self.complementary_weight = complementary_weight
        self.reference = reference

    @property
    def has_windows(self) -> bool:
        """Whether maps are cut into windows at all."""
        return self.windows != (1,)

    def windowed(
        self,
        student_maps: Sequence[Tensor],
        teacher_maps: Sequence[Tensor],
        labels: Sequence[Tensor],
        use_sigmoid: bool,
    ) -> Tuple[LogitPair, Tensor]:
        """Rows of windows on the maps of all levels.

        Args:
            student_maps (list[Tensor]): Logits of each level, one map per
                image and anchor, shape (N, C, H, W).
            teacher_maps (list[Tensor]): The same of the teacher.
            labels (list[Tensor]): Shape (N, H, W); :data:`IGNORED` is left
                out.
            use_sigmoid (bool): Whether classes are independent.

        Returns:
            tuple[LogitPair, Tensor]: The rows, and how many places of the
            maps are not ignored, for :meth:`weighed`.
        """
        pairs = [
            window_rows(
                *level,
                self.windows,
                IGNORED,
                self.complementary_weight,
                self.reference,
                use_sigmoid,
            )
            for level in zip(student_maps, teacher_maps, labels)
        ]
        rows = [torch.cat(part) for part in zip(*[pair[:4] for pair in pairs])]
        places = sum((level != IGNORED).sum() for level in labels)
        return LogitPair(*rows), places.float()


def object_divisor(
    positives: Union[float, Tensor],
    teacher_prob: Tensor,
    weight: Optional[Tensor] = None,
) -> Tensor:
    """Expected number of rows with an object, at least 1.

    The larger of the student's positives and of the teacher's summed
    probabilities, both averaged over the processes, so that two processes give
    the gradients of one. See :class:`WeighedRowsReader`.

    Args:
        positives (float or Tensor): Divisor of the student's own class loss.
        teacher_prob (Tensor): The teacher's largest class probability of
            each row, shape (M,).
        weight (Tensor, optional): Weight of each row, shape (M,); ignored rows
            have 0.

    Returns:
        Tensor: A number without gradient.

    Examples:
        >>> prob = torch.tensor([.9, .5, .1])
        >>> [float(object_divisor(n, prob)) for n in (3, 2, 1, 0)]
        [3.0, 2.0, 1.5, 1.5]
    """
    expected = teacher_prob.detach()
    if weight is not None:
        expected = expected * weight
    expected = expected.sum()
    positives = torch.as_tensor(
        positives, dtype=expected.dtype, device=expected.device
    )
    both = torch.stack([positives.detach().reshape(()), expected])
    return mean_over_processes(both).amax().clamp(min=1)


def foreground_prob(
    logits: Tensor, use_sigmoid: bool, num_classes: int
) -> Tensor:
    """Probability that a row is any object, (M, C) -> (M,).

    Of a sigmoid head given that at most one class is on, which is 1 minus
    the background of the categorical view; of a softmax head 1 minus its
    background.

    Examples:
        >>> foreground_prob(torch.tensor([[1., 2.]]).log(), True, 2)
        tensor([0.7500])
    """
    logits = logits if logits.dtype == torch.float64 else logits.float()
    classes = logits[:, :num_classes]
    if use_sigmoid:
        # from here on, a larger logit would not change the result
        odds = classes.clamp(max=80.0).exp_().sum(dim=1)
        return odds / (1 + odds)
    background = logits[:, num_classes:].logsumexp(dim=1)
    return (classes.logsumexp(dim=1) - background).sigmoid()


def _one_of(name: str, value: str, allowed: tuple) -> None:
    if value not in allowed:
        *first, last = (repr(one) for one in allowed)
        raise WrongValue(
            f'{name} must be {", ".join(first)} or {last}, got {value!r}'
        )
