# The student alone: Sparse R-CNN, 100 proposals, ResNet-50 FPN, 1x (16 images
# a step).
_base_ = 'mmdet::sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco.py'
