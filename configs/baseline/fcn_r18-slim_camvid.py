# The student alone: ResNet-18 of a quarter of its width, its four maps side by
# side and one 1 x 1 convolution. Trained from scratch.
_base_ = ['../_base_/camvid.py', '../_base_/camvid_schedule.py']

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=(96, 144),
        seg_pad_val=255),
    backbone=dict(type='ResNet', depth=18, base_channels=16),
    decode_head=dict(
        type='FCNHead', in_channels=[16, 32, 64, 128], channels=64,
        in_index=[0, 1, 2, 3], input_transform='resize_concat',
        num_convs=1, kernel_size=1, concat_input=False, num_classes=19,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    test_cfg=dict(mode='whole'))
