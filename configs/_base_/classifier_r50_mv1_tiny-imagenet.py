# ResNet-50, fine-tuned by its baseline config, teaches MobileNetV1.
_base_ = '../baseline/classifier_mv1_tiny-imagenet.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../baseline/classifier_r50_tiny-imagenet.py',
    teacher_ckpt='checkpoints/classifier_r50_tiny-imagenet.pth')
pair = dict(beta=2.0, scales=(1, 2, 4), gdkd=(0.5, 2.0, 2.0), ls_kd_ce=0.5)
