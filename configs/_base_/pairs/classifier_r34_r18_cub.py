# ResNet-34, fine-tuned by its baseline config, teaches ResNet-18.
_base_ = '../../baseline/classifier_r18_cub.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/classifier_r34_cub.py',
    teacher_ckpt='checkpoints/classifier_r34_cub.pth')
