"""Peak memory of one kind of step, in a process of its own."""

import ctypes
import gc
import multiprocessing
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any, Callable, Optional

import torch
from mmengine.config import Config
from step_models import Steps

from mmkd_logit.plan.steps import TeacherCalls


def import_toolboxes() -> None:
    """Import what every process needs, so that none counts it."""
    for toolbox in ('mmpretrain', 'mmdet', 'mmseg'):
        if find_spec(toolbox):
            import_module(f'{toolbox}.models')
            import_module(f'{toolbox}.datasets')


def peak_memory(
    config: Config, size: Optional[int], device: str, kind: str
) -> float:
    """MiB at the highest point of the second step of a process.

    Args:
        config (Config): With the weights of a teacher.
        size (int, optional): Side of random images.
        device (str): On a GPU, allocated memory is counted. Elsewhere it is
            resident memory above that of the process before it built a model,
            which Linux shows in ``/proc``.
        kind (str): Of :data:`step_models.KINDS`.
    """
    return in_child(_measure, config, size, device, kind)


def in_child(function: Callable, *args: Any) -> Any:
    """The result of a function that runs in a process of its own.

    A fork shares what is imported, but not the threads of this process, so
    that it takes one. This process must not have used a GPU before.

    Raises:
        RuntimeError: If the process failed; it has printed why.
    """
    fork = multiprocessing.get_context('fork')
    ours, theirs = fork.Pipe()
    process = fork.Process(target=_send, args=(theirs, function, args))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        raise RuntimeError(
            f'the process of {function.__name__} failed'
        ) from None
    finally:
        process.join()


def _send(pipe: Connection, function: Callable, args: tuple) -> None:
    torch.set_num_threads(1)
    pipe.send(function(*args))


def _measure(
    config: Config, size: Optional[int], device: str, kind: str
) -> float:
    cuda = device.startswith('cuda')
    before = 0.0 if cuda else settled()
    teacher = dict(plain='', recorders='whole').get(kind, 'read')
    steps = Steps(config, size, device, teacher)
    with TeacherCalls() as steps.teacher_calls:
        if kind == 'limit':
            steps.step('ours')
        steps.step(kind)
        if cuda:
            gc.collect()
            torch.cuda.reset_peak_memory_stats()
            steps.step(kind)
            return torch.cuda.max_memory_allocated() / 2**20
        settled()
        with open('/proc/self/clear_refs', 'w') as file:
            file.write('5')  # VmHWM starts again from VmRSS
        steps.step(kind)
        return _resident('VmHWM') - before


def settled() -> float:
    """MiB of resident memory without what was freed and is kept.

    A fork has what its parent kept of earlier models.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return _resident('VmRSS')


def _resident(which: str) -> float:
    """MiB of resident memory: ``VmRSS`` now, ``VmHWM`` at most."""
    with open('/proc/self/status') as file:
        fields = dict(line.split(':', 1) for line in file)
    return int(fields[which].split()[0]) / 1024
