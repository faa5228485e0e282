# The student alone: YOLOX-tiny, 300 epochs (64 images a step, lr 0.01).
_base_ = 'mmdet::yolox/yolox_tiny_8xb8-300e_coco.py'
