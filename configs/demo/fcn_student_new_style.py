# fcn_student.py as a new-style config: types are classes.
from mmengine.config import read_base
from mmseg.models import EncoderDecoder, FCNHead, ResNet
from mmseg.models.data_preprocessor import SegDataPreProcessor
from mmseg.models.losses import CrossEntropyLoss

with read_base():
    from ._base_.digits_new_style import *
    from ._base_.schedule import *

model = dict(
    type=EncoderDecoder,
    data_preprocessor=dict(
        type=SegDataPreProcessor,
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True, pad_val=0, seg_pad_val=255, size=(128, 128)),
    backbone=dict(type=ResNet, depth=18, base_channels=32),
    decode_head=dict(
        type=FCNHead,
        in_channels=[32, 64, 128, 256], in_index=[0, 1, 2, 3],
        input_transform='resize_concat',
        channels=128, num_convs=1, kernel_size=1,
        concat_input=False, num_classes=11,
        loss_decode=dict(type=CrossEntropyLoss, avg_non_ignore=True)),
    test_cfg=dict(mode='whole'))
