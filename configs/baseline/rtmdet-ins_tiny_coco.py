# The student alone: RTMDet-Ins-tiny, 300 epochs (256 images a step, lr 0.004).
_base_ = 'mmdet::rtmdet/rtmdet-ins_tiny_8xb32-300e_coco.py'
