# The student alone: Faster R-CNN, ResNet-50 FPN (caffe style, as official).
_base_ = '../_base_/faster_rcnn_coco.py'

model = dict(
    data_preprocessor=dict(
        mean=[103.530, 116.280, 123.675],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False),
    backbone=dict(
        style='caffe',
        init_cfg=dict(checkpoint='open-mmlab://detectron2/resnet50_caffe')))
