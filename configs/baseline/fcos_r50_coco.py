# The student alone: FCOS, ResNet-50 (caffe) FPN, 2x with images of 640 to 800
# pixels (16 images a step, lr 0.01).
_base_ = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_ms-640-800-2x_coco.py'
