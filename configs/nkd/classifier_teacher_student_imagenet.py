# NKD on ImageNet, official settings (cls_KD): 8 GPUs x 32 images, lr 0.1.
# TEACHER=r50 STUDENT=mv1 before the command chooses the other pair.
_base_ = '../_base_/classifier_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.5))))
train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(lr=0.1))
auto_scale_lr = dict(base_batch_size=256)
work_dir = 'work_dirs/nkd_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet'
