# Your own images in data/folders/{train,val}/<class>/: a fine-tuned ResNet-50
# teaches a MobileNetV3. Set num_classes, and the two paths of the teacher.
_base_ = 'mmpretrain::mobilenet_v3/mobilenet-v3-small_8xb128_in1k.py'
num_classes = 10

data = dict(_delete_=True, type='CustomDataset', data_root='data/folders')
train_dataloader = dict(dataset=dict(
    data, data_prefix='train', pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(
    data, data_prefix='val', pipeline=_base_.test_pipeline))
data_preprocessor = dict(num_classes=num_classes)
model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=dict(_base_.model, head=dict(
        _base_.model.head, num_classes=num_classes)),
    teacher='work_dirs/my_resnet50/my_resnet50.py',
    teacher_ckpt='work_dirs/my_resnet50/epoch_100.pth',
    distill=dict(loss_kd=dict(
        logits=dict(type='mmkd_logit.ClsLogits', scales=(1, 2)),
        loss=dict(type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=2.0))))
