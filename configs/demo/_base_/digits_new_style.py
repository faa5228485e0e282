# digits_cityscapes.py as a new-style config: types are classes.
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmseg.datasets import BaseSegDataset, LoadAnnotations, PackSegInputs
from mmseg.evaluation import IoUMetric

default_scope, classes = 'mmseg', (*'0123456789', 'background')
load, pack = dict(type=LoadImageFromFile), dict(type=PackSegInputs)
dataset = dict(
    type=BaseSegDataset, data_root='data/demo_cityscapes/',
    img_suffix='_leftImg8bit.png', seg_map_suffix='_gtFine_labelTrainIds.png',
    metainfo=dict(classes=classes, palette=[
        (230, 25, 75), (60, 180, 75), (255, 225, 25), (0, 130, 200),
        (245, 130, 48), (145, 30, 180), (70, 240, 240), (240, 50, 230),
        (210, 245, 60), (250, 190, 212), (60, 60, 60)]),
    pipeline=[load, dict(type=LoadAnnotations), pack])
train = dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train')
val = dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val')
loader = dict(batch_size=8, num_workers=0, persistent_workers=False)
train_dataloader = dict(sampler=dict(type=InfiniteSampler),
                        dataset=dict(dataset, data_prefix=train), **loader)
val_dataloader = dict(sampler=dict(type=DefaultSampler, shuffle=False),
                      dataset=dict(dataset, data_prefix=val), **loader)
test_dataloader, val_evaluator = val_dataloader, dict(type=IoUMetric)
test_evaluator, test_pipeline = val_evaluator, [load, pack]
