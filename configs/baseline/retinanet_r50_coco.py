# The student alone: RetinaNet, ResNet-50 FPN, 1x (16 images a step, lr 0.01).
_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
