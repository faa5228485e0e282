# ResNet-20 on the CIFAR-10 subset for twice as long: the teacher.
_base_ = './cifar_resnet8_cifar10-subset.py'

model = dict(backbone=dict(depth=20))
param_scheduler = dict(T_max=12)
train_cfg = dict(max_epochs=12)
