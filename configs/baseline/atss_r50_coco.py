# The student alone: ATSS, ResNet-50 FPN, 1x (16 images a step, lr 0.01).
_base_ = 'mmdet::atss/atss_r50_fpn_1x_coco.py'
