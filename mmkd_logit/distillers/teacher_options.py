"""How a teacher is computed: number type, memory layout, compiled or not."""

from contextlib import contextmanager
from typing import Any, Dict, Iterator, NamedTuple, Optional, Union

import torch
from torch import Tensor, nn

from ..messages import WrongType, WrongValue, did_you_mean

_DTYPES = dict(
    bfloat16=torch.bfloat16, float16=torch.float16, float32=torch.float32
)
#: Parts that are laid out and compiled. Readers call the head piece by piece.
_PARTS = ('backbone', 'neck')


class TeacherOptions(NamedTuple):
    """Options of one teacher; the defaults leave it as it is.

    Attributes:
        dtype (str, optional): ``'bfloat16'`` or ``'float16'``: convolutions
            and matrix products in this type, by autocast, the weights stay
            float32; ``'float32'``: no autocast, even if the student has it.
            What the readers get, features of the neck and logits, is float32.
            Defaults to None, as the student's run.
        channels_last (bool): Images, and weights of backbone and neck, with
            the channels innermost in memory. MMCV's own operators read such
            maps in the wrong order (RoIAlign does so without a word), so the
            features of the neck are handed on as other models have them, and
            a backbone or neck with one of them is refused. Defaults to False.
        compile (bool | dict): ``torch.compile`` of backbone and neck; a dict
            holds its arguments, such as ``dict(mode='max-autotune')``. The
            first steps take the time to compile, as does each new size of
            images until PyTorch compiles for all sizes. Defaults to False.
    """

    dtype: Optional[str] = None
    channels_last: bool = False
    compile: Union[bool, Dict[str, Any]] = False

    def apply_to(self, model: nn.Module) -> None:
        """Lay out and compile a teacher.

        Raises:
            ValueError: If a part of it cannot have that layout.
        """
        named = (getattr(model, name, None) for name in _PARTS)
        parts = [part for part in named if isinstance(part, nn.Module)]
        for part in parts or [model]:
            if self.channels_last:
                _check_layout(part)
                part.to(memory_format=torch.channels_last)
            if self.compile is not False:
                settings = {} if self.compile is True else dict(self.compile)
                part.forward = torch.compile(part.forward, **settings)

    def laid_out(self, inputs: Tensor) -> Tensor:
        """The images (B, C, H, W) in the layout of the weights."""
        if self.channels_last:
            return inputs.contiguous(memory_format=torch.channels_last)
        return inputs

    @contextmanager
    def running(self, device: torch.device) -> Iterator[None]:
        """Compute in ``dtype`` inside of this context.

        Raises:
            ValueError: If an operator does not have that type.
        """
        if self.dtype is None:
            yield
            return
        dtype = _DTYPES[self.dtype]
        settings = dict(enabled=dtype != torch.float32)
        if settings['enabled']:
            settings['dtype'] = dtype
        try:
            with torch.autocast(device.type, **settings):
                yield
        except RuntimeError as error:
            # torch names a type in one way, MMCV's operators in another
            if not any(n in str(error) for n in ('BFloat16', 'Half')):
                raise
            raise WrongValue(
                f"teacher_options: dtype='{self.dtype}', which an operator of "
                f'the teacher does not have on this device ({error}); take '
                'another dtype, or leave it out'
            ) from error

    def handed_on(self, value: Any) -> Any:
        """``value`` as the readers get it: float32, and contiguous.

        Args:
            value (object): A tensor, or nested lists and tuples of tensors;
                anything else stays as it is.
        """
        if self.dtype in (None, 'float32') and not self.channels_last:
            return value
        if isinstance(value, Tensor):
            is_narrow = value.dtype in (torch.bfloat16, torch.float16)
            if is_narrow and self.dtype is not None:
                value = value.float()
            return value.contiguous() if self.channels_last else value
        if isinstance(value, (list, tuple)) and not hasattr(value, '_fields'):
            return type(value)(self.handed_on(one) for one in value)
        return value


def _check_layout(part: nn.Module) -> None:
    for module in part.modules():
        if type(module).__module__.startswith('mmcv.ops'):
            raise WrongValue(
                f'teacher_options: channels_last=True, but the '
                f'{type(part).__name__} of the teacher has a '
                f'{type(module).__name__} of MMCV, which reads such maps in '
                'the wrong order; leave channels_last out'
            )


def read_options(options: Optional[dict], where: str) -> TeacherOptions:
    """Options as a config has them.

    Args:
        options (dict, optional): Fields of :class:`TeacherOptions`.
        where (str): Setting in which they stand, for messages.

    Raises:
        TypeError: If they are no dict, or a value is of another type.
        ValueError: If a name or the number type is unknown.
    """
    if options is None:
        return TeacherOptions()
    if not isinstance(options, dict):
        raise WrongType(
            f'{where} is {options!r}, expected a dict such as '
            "dict(dtype='bfloat16')"
        )
    known = TeacherOptions._fields
    for name in options:
        if name not in known:
            hint = did_you_mean(name, known) or f'known are {list(known)}'
            raise WrongValue(
                f'{where} has the unknown option {name!r}; {hint}'
            )
    found = TeacherOptions(**options)
    if found.dtype not in (None, *_DTYPES):
        raise WrongValue(
            f'{where}.dtype must be one of {", ".join(map(repr, _DTYPES))}, '
            f'or None for that of the run, got {found.dtype!r}'
        )
    if not isinstance(found.channels_last, bool):
        raise WrongType(
            f'{where}.channels_last must be True or False, got '
            f'{found.channels_last!r}'
        )
    if not isinstance(found.compile, (bool, dict)):
        raise WrongType(
            f'{where}.compile must be True, False or a dict of arguments of '
            f'torch.compile, got {found.compile!r}'
        )
    return found
