# Per-pair settings of DKD (beta; mdistiller configs/cifar100/dkd, the last
# five of the SDD repository) and GDKD, GDKD3 (w1, w2; GDKD repository
# configs/cifar100/gdkd). A pair without a row takes the defaults of cfg.py.
pairs = dict(
    default=dict(beta=8.0, w1=1.0, w2=8.0),
    resnet56_resnet20=dict(beta=2.0, w1=1.0, w2=1.0),
    resnet110_resnet32=dict(beta=2.0, w1=1.0, w2=1.0),
    resnet32x4_resnet8x4=dict(beta=8.0, w1=2.0, w2=8.0),
    wrn_40_2_wrn_16_2=dict(beta=6.0, w1=2.0, w2=6.0),
    wrn_40_2_wrn_40_1=dict(beta=6.0, w1=2.0, w2=6.0),
    vgg13_vgg8=dict(beta=6.0, w1=1.0, w2=6.0),
    resnet32x4_shufflenetv1=dict(beta=8.0, w1=1.0, w2=8.0),
    resnet32x4_shufflenetv2=dict(beta=8.0, w1=1.0, w2=8.0),
    wrn_40_2_shufflenetv1=dict(beta=8.0, w1=2.0, w2=6.0),
    vgg13_mobilenetv2=dict(beta=6.0, w1=1.0, w2=6.0),
    resnet50_mobilenetv2=dict(beta=8.0, w1=1.0, w2=8.0),
    resnet32x4_mobilenetv2=dict(beta=6.0, w1=1.0, w2=8.0),
    resnet32x4_vgg8=dict(beta=6.0, w1=1.0, w2=8.0),
    vgg13_wrn_16_2=dict(beta=6.0, w1=1.0, w2=8.0),
    vgg13_shufflenetv1=dict(beta=6.0, w1=1.0, w2=8.0))
