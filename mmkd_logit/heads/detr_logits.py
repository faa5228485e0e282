"""Detection transformers of MMDetection: encoder tokens and queries."""

from contextlib import ExitStack
from typing import Any, Dict, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor, nn

from ..messages import WrongValue
from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from .object_rows import WeighedRowsReader
from .upstream.class_loss import mean_over_gpus
from .upstream.detr import (
    HEADS,
    QUERIES_ONLY,
    check_same_levels,
    detr_head,
    is_two_stage,
    number_of_layers,
    one_score_per_token,
)
from .upstream.detr_student import (
    layers_of,
    pair_objects,
    token_labels,
    watch_denoising,
    watch_matching,
    watch_tokens,
)
from .upstream.detr_teacher import (
    Decoded,
    decoded,
    encoded,
    matched,
    scored_tokens,
)
from .upstream.observe import is_a, upstream_class

ROWS = ('queries', 'encoder', 'denoising')


@MODELS.register_module()
class DETRLogits(WeighedRowsReader):
    """Class logits of DETR, Conditional, DAB, Deformable DETR, DINO, DDQ.

    ``rows`` names one kind of rows or several; each has a term of its own,
    logged under the prefix that MMDetection gives its own losses.

    ``'queries'``
        After each decoder layer, the query that the student's matcher gave
        to an object against the query that the teacher's own matcher gave to
        the same object: one row per object, whose label is its class.
        Queries without an object are left out, because no rule pairs them with
        the teacher's; so are objects that one of the two did not match (fewer
        queries than objects). Student and teacher may have different numbers
        of queries and be different members of the family. Prefix ``d0.``,
        ``d1.``, ...; none for the last layer.
    ``'encoder'``
        Every encoder token that the two-stage classifier scores (Deformable
        DETR with ``as_two_stage``, DINO, DDQ), level by level; tokens in the
        padding, or so near the border that the detector gives them no
        proposal, are left out. Nothing is matched for the teacher, whose
        decoder does not run. Labels are those of the student's own encoder
        loss; ``num_classes`` where it has no object. Deformable DETR scores
        "object or not" here: its rows have one column, so that they need a
        term of their own. Prefix ``enc_``.
    ``'denoising'``
        DINO's denoising queries. The teacher is given the student's noised
        labels and boxes, so that rows belong together without matching;
        padding queries are left out. Prefix ``dn_``,
        ``d0.dn_``, ...

    The sum over queries is divided by the number of objects that were matched
    (mean over GPUs, at least 1), as the heads divide their own class losses.
    Tokens and denoising queries, many of which have no object, are weighed
    and divided as the rows of other detectors, see
    :class:`~mmkd_logit.heads.object_rows.WeighedRowsReader`.

    The teacher stays in eval mode: no dropout, and no random numbers. It runs
    what the rows need: backbone, neck and encoder for ``'encoder'``; for the
    others its decoder too, with the boxes that its matcher compares.

    Args:
        rows (str | Sequence[str], optional): Of ``'queries'``,
            ``'encoder'`` and ``'denoising'``. None is
            ``('queries', 'encoder')`` for DINO and DDQ and ``'queries'``
            for the others. Defaults to None.
        layers (str): ``'all'`` compares each decoder layer with the same one
            of the teacher; ``'last'`` the last layer only, for decoders of
            different depth. Defaults to ``'all'``.
        **kwargs: ``weighting`` and ``divisor`` of
            :class:`~mmkd_logit.heads.object_rows.WeighedRowsReader`, and
            ``view`` of :class:`~mmkd_logit.heads.base.LogitReader`.

    Source:
        DETR, Carion et al., 2020, https://arxiv.org/abs/2005.12872; DINO,
        Zhang et al., 2022, https://arxiv.org/abs/2203.03605. Pairs of
        queries that belong to one object, and the teacher's answer to the
        student's denoising queries, resemble the consistent queries of
        D3ETR, Chen et al., 2022, https://arxiv.org/abs/2211.09768, and
        KD-DETR, Wang et al., CVPR 2024, https://arxiv.org/abs/2211.08071.
    """

    recipes = 'detr'
    family = 'mmdet detection transformers with ' + ', '.join(HEADS)

    def __init__(
        self,
        rows: Optional[Union[str, Sequence[str]]] = None,
        layers: str = 'all',
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(rows, str):
            rows = (rows,)
        if rows is not None and not (
            rows and set(rows) <= set(ROWS) and len(set(rows)) == len(rows)
        ):
            raise WrongValue(
                f'rows must be one or several of {", ".join(map(repr, ROWS))}'
                f', got {rows!r}'
            )
        if layers not in ('all', 'last'):
            raise WrongValue(f"layers must be 'all' or 'last', got {layers!r}")
        self.rows = None if rows is None else tuple(rows)
        self.layers = layers

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        """Whether it is of the family; :meth:`facts` may refuse it."""
        return is_a(model, 'mmdet', 'DetectionTransformer') and (
            upstream_class(getattr(model, 'bbox_head', None))
            in (*HEADS, 'GroundingDINOHead')
        )

    def _rows(self, head: nn.Module) -> Tuple[str, ...]:
        """Kinds of rows for a student's head, most informative first."""
        if self.rows is not None:
            return tuple(kind for kind in ROWS if kind in self.rows)
        if is_two_stage(head) and not one_score_per_token(head):
            return ('queries', 'encoder')
        return ('queries',)

    def facts(self, model: nn.Module) -> HeadFacts:
        head = detr_head(model)
        rows = self._rows(head)
        name = type(head).__name__
        if 'encoder' in rows and not is_two_stage(head):
            raise WrongValue(
                f"rows='encoder' needs a classifier of encoder tokens, which "
                f'this {name} lacks (as_two_stage=False in Deformable DETR); '
                "take rows='queries'"
            )
        if 'denoising' in rows and upstream_class(head) != 'DINOHead':
            raise WrongValue(
                f"rows='denoising' can be read from DINOHead, got {name}; "
                "take rows='queries'"
            )
        use_sigmoid = bool(head.loss_cls.use_sigmoid)
        if 'encoder' in rows and one_score_per_token(head):
            if len(rows) > 1:
                raise WrongValue(
                    f'the encoder of {name} scores "object or not", one '
                    f'logit a token, its queries {head.cls_out_channels}; '
                    "write one term with rows='encoder' and another with "
                    "rows='queries'"
                )
            return HeadFacts(
                head.num_classes, 1, use_sigmoid, classes_are_columns=False
            )
        return HeadFacts(head.num_classes, head.cls_out_channels, use_sigmoid)

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        ours, theirs = detr_head(student), detr_head(teacher)
        rows = self._rows(ours)
        if 'encoder' in rows:
            check_same_levels(student, teacher)
        if rows == ('encoder',):
            return
        mine, other = number_of_layers(student), number_of_layers(teacher)
        if self.layers == 'all' and mine != other:
            raise WrongValue(
                f"the student's decoder has {mine} layers, the teacher's "
                f'{other}; `logits=dict(type="mmkd_logit.DETRLogits", '
                'layers="last")` compares the last ones only'
            )
        if 'queries' in rows and not hasattr(theirs, 'assigner'):
            raise WrongValue(
                "the teacher's config has no train_cfg with an assigner, by "
                'which its queries are given to objects; take the whole '
                'config of the detector, not one for inference'
            )
        if 'denoising' in rows and upstream_class(theirs) != 'DINOHead':
            raise WrongValue(
                "rows='denoising' gives the student's noised labels to the "
                f'teacher, so it must be a DINO as well, got a '
                f"{type(theirs).__name__}; take rows='queries'"
            )

    def prune(self, teacher: nn.Module) -> Tuple[str, ...]:
        if self.rows != ('encoder',):
            return ()
        return (
            'decoder',
            'query_embedding',
            'query_map',
            'pos_trans_fc',
            'pos_trans_norm',
            'dn_query_generator',
            'bbox_head.reg_branches',
            'bbox_head.aux_cls_branches',
            'bbox_head.aux_reg_branches',
        )

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        head = detr_head(student)
        rows = notes['rows'] = self._rows(head)
        notes['num_classes'] = head.num_classes
        watch_matching(head, notes, stack)
        if 'encoder' in rows:
            watch_tokens(student, notes, stack)
        if 'denoising' in rows:
            watch_denoising(student, notes, stack)

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        self.noted(notes, 'objects', 'bbox_head.loss_by_feat')
        pairs: Dict[str, LogitPair] = {}
        for kind in notes['rows']:
            pairs.update(getattr(self, f'_{kind}')(notes, teacher))
        return pairs

    # ------------------------------------------------------------- the rows

    def _layers(self, number: int) -> Sequence[int]:
        """Decoder layers to compare, the last one first."""
        return range(number)[::-1] if self.layers == 'all' else (number - 1,)

    def _queries(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        answer = _decoded(notes, teacher)
        ours = layers_of(notes)
        last = len(answer.logits) - 1
        pairs = {}
        for layer in self._layers(len(ours)):
            theirs = last if self.layers == 'last' else layer
            (matching,) = teacher.once(
                f'detr queries {theirs}',
                lambda theirs=theirs: matched(
                    teacher.model.bbox_head,
                    answer,
                    [theirs],
                    teacher.data_samples,
                ),
            )
            parts = []
            for one, other, objects in zip(
                ours[layer], matching, notes['objects']
            ):
                mine, other_query, which = pair_objects(
                    one, other, len(objects)
                )
                parts.append(
                    (
                        one.logits[mine],
                        other.logits[other_query],
                        objects.labels[which],
                    )
                )
            rows = [torch.cat(part) for part in zip(*parts)]
            pairs[_prefix(layer, len(ours))] = LogitPair(
                *rows, avg_factor=_number_of_objects(notes, rows[2])
            )
        return pairs

    def _encoder(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        tokens = self.noted(notes, 'tokens', 'the classifier of its encoder')
        seen = _token_notes(notes, teacher)
        if seen['token maps'] != notes['token maps']:
            raise WrongValue(
                f"the student's encoder has maps of {notes['token maps']} "
                f"tokens, the teacher's {seen['token maps']}; rows='encoder' "
                f'needs the same strides and levels; {QUERIES_ONLY}'
            )
        theirs = seen['tokens']
        matchings = notes['assigned'][-len(notes['objects']) :]
        labels = token_labels(tokens, matchings, notes['objects'])
        owners = torch.cat([matching.objects for matching in matchings])
        if one_score_per_token(teacher.model.bbox_head):
            tokens, theirs = tokens[..., :1], theirs[..., :1]
            labels = (labels == notes['num_classes']).long()
        keep = notes['real tokens'].flatten().nonzero()[:, 0]
        pair = LogitPair(
            tokens.flatten(0, 1)[keep],
            theirs.flatten(0, 1)[keep],
            labels.flatten()[keep],
        )
        objects = mean_over_gpus((owners > 0).sum().float())
        return {'enc_': self._weighed(pair, objects, notes)}

    def _weighed(
        self, pair: LogitPair, objects: Tensor, notes: Notes
    ) -> LogitPair:
        """Weigh rows many of which have no object."""
        columns = pair.teacher_logits.shape[1]
        classes = min(notes['num_classes'], columns)
        return self.weighed(pair, objects, classes, columns == classes)

    def _denoising(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        answer = _decoded(notes, teacher)
        ours = notes['dn logits']
        last = len(answer.denoising) - 1
        targets = notes['dn targets'][: len(notes['objects'])]
        kept = [
            torch.cat([positive, negative])
            for _, positive, negative in targets
        ]
        labels = torch.cat(
            [target[0][query] for target, query in zip(targets, kept)]
        )
        pairs = {}
        for layer in self._layers(len(ours)):
            theirs = last if self.layers == 'last' else layer
            rows = [
                torch.cat([image[query] for image, query in zip(logits, kept)])
                for logits in (ours[layer], answer.denoising[theirs])
            ]
            pairs[f'{_prefix(layer, len(ours))}dn_'] = self._weighed(
                LogitPair(*rows, labels),
                _number_of_objects(notes, labels),
                notes,
            )
        return pairs


def _prefix(layer: int, number: int) -> str:
    """As MMDetection names the losses of decoder layers."""
    return '' if layer == number - 1 else f'd{layer}.'


def _number_of_objects(notes: Notes, labels: Tensor) -> Tensor:
    """Divisor of a term of queries: its rows with an object."""
    return mean_over_gpus((labels < notes['num_classes']).sum().float())


def _encoded(teacher: TeacherPass) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    return teacher.once(
        'detr encoder',
        lambda: encoded(teacher.model, teacher.feats, teacher.data_samples),
    )


def _decoded(notes: Notes, teacher: TeacherPass) -> Decoded:
    """The teacher's decoder, with the denoising queries if needed."""
    noise = notes.get('noise')

    def run() -> Decoded:
        asked = noise and dict(noise, labels=teacher.labels(noise['labels']))
        answer = decoded(
            teacher.model, *_encoded(teacher), teacher.data_samples, asked
        )
        denoising = answer.denoising
        return answer._replace(
            logits=teacher.classes(answer.logits, dim=3),
            denoising=None
            if denoising is None
            else teacher.classes(denoising, dim=3),
            notes=_mapped(answer.notes, teacher),
        )

    return teacher.once('detr decoder' + (' with noise' if noise else ''), run)


def _token_notes(notes: Notes, teacher: TeacherPass) -> Dict[str, Any]:
    """The teacher's encoder tokens, of its decoder's pass if it ran."""
    if notes['rows'] != ('encoder',):
        return _decoded(notes, teacher).notes
    return teacher.once(
        'detr tokens',
        lambda: _mapped(
            scored_tokens(teacher.model, _encoded(teacher)[1]), teacher
        ),
    )


def _mapped(notes: Notes, teacher: TeacherPass) -> Dict[str, Any]:
    """Notes of tokens in the student's classes, if they have classes."""
    if not notes or one_score_per_token(teacher.model.bbox_head):
        return notes
    return dict(notes, tokens=teacher.classes(notes['tokens'], dim=2))
