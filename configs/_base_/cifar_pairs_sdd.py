# Per-pair settings of SDD: beta of SD-DKD (SDD repository
# configs/cifar100/sdd_dkd) and scales (its teacher_*.sh). Pairs without a
# script have the paper's rule: two scales for similar networks.
pairs = dict(
    default=dict(beta=8.0, scales=(1, 2, 4)),
    resnet56_resnet20=dict(beta=2.0, scales=(1, 2)),  # not run by the authors
    resnet110_resnet32=dict(beta=2.0, scales=(1, 2)),  # not run by them
    resnet32x4_resnet8x4=dict(beta=8.0, scales=(1, 2)),
    wrn_40_2_wrn_16_2=dict(beta=6.0, scales=(1, 2)),
    wrn_40_2_wrn_40_1=dict(beta=6.0, scales=(1, 2)),
    vgg13_vgg8=dict(beta=6.0, scales=(1, 2)),
    vgg13_mobilenetv2=dict(beta=6.0, scales=(1, 2, 4)),
    vgg13_shufflenetv1=dict(beta=6.0, scales=(1, 2, 4)),
    wrn_40_2_mobilenetv2=dict(beta=6.0, scales=(1, 2, 4)))
