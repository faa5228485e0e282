# CamVid, 367 + 101 street scenes of 240 x 180 with Cityscapes' labels (11 of
# the 19 classes occur), in Cityscapes layout. Small enough for a CPU.
_base_ = 'mmseg::_base_/default_runtime.py'
data = dict(type='CityscapesDataset', data_root='data/camvid/')
load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
augment = [
    dict(type='RandomResize', scale=(240, 180), ratio_range=(0.5, 1.25),
         keep_ratio=True),
    dict(type='RandomCrop', crop_size=(96, 144), cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5), dict(type='PhotoMetricDistortion')]
pack = [dict(type='PackSegInputs')]
train_dataloader = dict(
    batch_size=8, num_workers=0, sampler=dict(type='InfiniteSampler'),
    dataset=dict(
        data_prefix=dict(
            img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
        pipeline=load + augment + pack, **data))
val_dataloader = test_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler'),
    dataset=dict(
        data_prefix=dict(
            img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        pipeline=load + pack, **data))
val_evaluator = test_evaluator = dict(type='IoUMetric')
