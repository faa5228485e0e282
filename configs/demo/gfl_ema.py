# Student that learns from its own moving average, warmed up; no paper's
# recipe. Nothing else differs from gfl_student.py.
_base_ = './gfl_student.py'
model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='ema',
    distill=dict(
        loss_kd=dict(loss=dict(type='mmkd_logit.KDQFLLoss', beta=1.0))))

custom_hooks = [dict(type='mmkd_logit.KDWarmupHook', end=100)]
