"""Try mixed precision on a CPU before a training needs it."""

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from ..registry import is_distiller, type_name
from .cpu_amp import CPUAmpOptimWrapper, explain_bfloat16
from .trial_build import quiet_trial

#: Images of the step, and the side of those that detectors and segmentors see.
_IMAGES, _SIDE = 2, 128


def check_amp(config: Config) -> None:
    """Try one step of a training with mixed precision on a CPU.

    Whether each operator of a model has a form for bfloat16, forwards and
    backwards, shows only when it runs. A model of its own, two random images
    and no random number of the run are used. A step that fails for another
    reason, such as images of the wrong size, says nothing.

    Args:
        config (Config): After
            :func:`~mmkd_logit.launch.cpu_amp.amp_for_this_device`.

    Raises:
        ValueError: If an operator has no bfloat16 form.
    """
    wrapper = config.get('optim_wrapper') or {}
    if type_name(wrapper.get('type')) != CPUAmpOptimWrapper.__name__:
        return
    with quiet_trial():
        try:
            model, batch = _model_and_batch(config)
            with torch.autocast('cpu', dtype=torch.bfloat16):
                data = model.data_preprocessor(batch, training=True)
                losses = model(**data, mode='loss')
            model.parse_losses(losses)[0].backward()
        except Exception as error:
            explain_bfloat16(error)


def _model_and_batch(config: Config) -> tuple:
    from ..plan.batches import random_batch, size_of_pipeline

    scope = config.get('default_scope')
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.build(config.model)
        student = model
        if is_distiller(config.model):
            model.prepare()
            student = model.student
    height = width = _SIDE
    if scope not in ('mmdet', 'mmseg'):
        height, width = size_of_pipeline(config) or (224, 224)
    batch = random_batch(scope, student, _IMAGES, height, width)
    return model.train(), batch
