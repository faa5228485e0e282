# The student alone: Cascade R-CNN, ResNet-50 FPN, 1x (16 images, lr 0.02).
_base_ = 'mmdet::cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py'
