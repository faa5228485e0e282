"""One training of a toy with sharded weights, over gloo.

torchrun --nproc_per_node 2 -m tests.test_end_to_end.fsdp_run CONFIG FOLDER
"""

import os
import sys

import torch
from mmengine.config import Config
from mmengine.runner import FlexibleRunner
from torch.distributed.fsdp.wrap import size_based_auto_wrap_policy


def main(config: str, folder: str) -> None:
    torch.distributed.init_process_group('gloo')
    cfg = Config.fromfile(config)
    wrapper = dict(
        type='MMFullyShardedDataParallel',
        use_orig_params=True,
        device_id=torch.device('cpu'),
        auto_wrap_policy=dict(
            type=size_based_auto_wrap_policy, min_num_params=1
        ),
    )
    cfg.train_dataloader.batch_size //= int(os.environ['WORLD_SIZE'])
    runner = FlexibleRunner(
        model=cfg.model,
        work_dir=folder,
        train_dataloader=cfg.train_dataloader,
        train_cfg=cfg.train_cfg,
        optim_wrapper=cfg.optim_wrapper,
        default_hooks=cfg.default_hooks,
        custom_hooks=cfg.custom_hooks,
        default_scope=cfg.default_scope,
        randomness=cfg.randomness,
        launcher='pytorch',
        strategy=dict(
            type='FSDPStrategy', model_wrapper=wrapper, state_dict_cfg='full'
        ),
    )
    runner.train()
    torch.distributed.destroy_process_group()


if __name__ == '__main__':
    main(*sys.argv[1:])
