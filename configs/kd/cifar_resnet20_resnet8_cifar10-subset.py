# KD on the CIFAR-10 subset: 0.1 x CE + 0.9 x KD.
_base_ = '../_base_/cifar_resnet20_resnet8_cifar10-subset.py'

model = dict(
    student=dict(head=dict(loss=dict(loss_weight=0.1))),
    distill=dict(
        loss_kd=dict(
            loss=dict(type='mmkd_logit.KDLoss', tau=4.0, loss_weight=0.9))))
