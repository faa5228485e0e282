# RLD with beta 2: RLD repository configs/imagenet, ResNet50 to MobileNetV1.
_base_ = './rld_imagenet.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(beta=2.0)))))
