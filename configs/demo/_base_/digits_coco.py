# Generated digits in COCO layout, for MMDetection.
_base_ = ['mmdet::_base_/datasets/coco_detection.py', './schedule.py']
default_scope = 'mmdet'
data_root = 'data/demo_coco/'
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs')
]
loader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        data_root=data_root,
        metainfo=dict(classes=tuple('0123456789')),
        pipeline=pipeline))
train_dataloader = dict(
    sampler=dict(type='InfiniteSampler'), batch_sampler=None, **loader)
val_dataloader = test_dataloader = loader
val_evaluator = dict(ann_file=data_root + 'annotations/instances_val2017.json')
test_evaluator = val_evaluator
