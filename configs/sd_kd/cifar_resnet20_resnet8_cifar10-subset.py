# SD-KD on the CIFAR-10 subset.
_base_ = '../_base_/cifar_resnet20_resnet8_cifar10-subset.py'

model = dict(
    student=dict(head=dict(loss=dict(loss_weight=0.1))),
    distill=dict(
        loss_kd=dict(
            logits=dict(type='mmkd_logit.ClsLogits', scales=(1, 2)),
            loss=dict(type='mmkd_logit.KDLoss', tau=4.0, loss_weight=0.9))))
optim_wrapper = dict(clip_grad=dict(max_norm=40, norm_type=2))
