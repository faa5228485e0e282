# LS-KD with 0.5 x CE: LSKD repository configs/imagenet/r50_mv2/kd.yaml (its
# network is MobileNetV1).
_base_ = './ls_kd_imagenet.py'
recipe = dict(
    model=dict(student=dict(head=dict(loss=dict(loss_weight=0.5)))))
