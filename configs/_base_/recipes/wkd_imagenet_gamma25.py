# WKD-L, ResNet50 to MobileNetV1, whose costs have kappa 2.
_base_ = './wkd_imagenet.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(gamma=25.0)))))
