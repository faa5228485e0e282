"""Two models on one dataset, for the pictures of classifiers."""

import argparse
from typing import Any, Callable, Dict, List, Tuple

import torch
from mmengine.config import DictAction
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner
from torch import Tensor, nn

from mmkd_logit.checkpoints.safe_load import load_checkpoint_safely
from mmkd_logit.checkpoints.state_dict import (
    load_state_dict_strictly,
    plain_state_dict,
)
from mmkd_logit.launch import (
    check_data,
    is_distiller,
    load_config,
    move_data_root,
)
from mmkd_logit.registry import MODELS


def parser(description: str) -> argparse.ArgumentParser:
    """Arguments of every picture."""
    out = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    out.add_argument('config', help='of the first model, and of the data')
    out.add_argument('checkpoint', help='of the first model')
    out.add_argument('other_config', help='of the second model')
    out.add_argument('other_checkpoint', help='of the second model')
    out.add_argument('--names', nargs=2, default=['student', 'teacher'])
    out.add_argument('--out', default='picture.png')
    out.add_argument('--data-root', help='folder with the same layout')
    out.add_argument('--device', default='cpu')
    out.add_argument('--cfg-options', nargs='+', action=DictAction)
    return out


def load_model(
    path: str, checkpoint: str, device: str, options: Any = None
) -> Tuple[nn.Module, Any]:
    """A trained classifier and its config; of a distiller the student.

    Raises:
        ValueError: If the checkpoint does not fit.
    """
    cfg = load_config(path, options)
    model_cfg = cfg.model.student if is_distiller(cfg.model) else cfg.model
    scope = cfg.get('default_scope', 'mmpretrain')
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.build(model_cfg)
    state = plain_state_dict(
        load_checkpoint_safely(checkpoint, way=''), checkpoint
    )
    load_state_dict_strictly(model, state, checkpoint, whose='')
    return model.to(device).eval(), cfg


def load_two(args: argparse.Namespace) -> Tuple[Dict[str, nn.Module], Any]:
    """Name -> model, and the loader of the first config's test set."""
    first, cfg = load_model(
        args.config, args.checkpoint, args.device, args.cfg_options
    )
    second, _ = load_model(
        args.other_config, args.other_checkpoint, args.device
    )
    if args.data_root:
        move_data_root(cfg, args.data_root)
    check_data(cfg, ('test_dataloader',))
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    loader = Runner.build_dataloader(cfg.test_dataloader)
    return dict(zip(args.names, (first, second))), loader


@torch.no_grad()
def run(
    model: nn.Module, loader: Any, look: Callable[[nn.Module, Tensor], Tensor]
) -> Tuple[Tensor, Tensor]:
    """``look(model, inputs)`` over a dataset, and the labels.

    Each model preprocesses the images itself.
    """
    seen: List[Tensor] = []
    labels: List[Tensor] = []
    for batch in loader:
        batch = model.data_preprocessor(batch, False)
        seen.append(look(model, batch['inputs']).cpu())
        labels += [sample.gt_label.cpu() for sample in batch['data_samples']]
    return torch.cat(seen), torch.cat(labels)


def class_names(loader: Any, count: int) -> List[str]:
    """Names of the first ``count`` classes; their numbers if unknown."""
    names = loader.dataset.metainfo.get('classes') or range(count)
    return [str(name) for name in names][:count]
