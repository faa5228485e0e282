# Per-pair settings of logit standardization, from the names of the authors'
# logs: (tau, loss_weight) with KD, (tau, loss_weight, beta) with DKD.
pairs = dict(
    default=dict(kd=(2.0, 9.0), dkd=(2.0, 9.0, 8.0)),
    resnet32x4_resnet8x4=dict(kd=(2.0, 9.0), dkd=(2.0, 9.0, 8.0)),
    vgg13_vgg8=dict(kd=(3.0, 9.0), dkd=(2.0, 15.0, 2.0)),
    wrn_40_2_wrn_40_1=dict(kd=(2.0, 9.0), dkd=(2.0, 12.0, 2.0)),
    wrn_40_2_wrn_16_2=dict(kd=(2.0, 9.0), dkd=(2.0, 12.0, 2.0)),
    resnet56_resnet20=dict(kd=(2.0, 9.0), dkd=(3.0, 18.0, 2.0)),
    resnet110_resnet32=dict(kd=(2.0, 9.0), dkd=(2.0, 15.0, 2.0)),
    resnet110_resnet20=dict(kd=(4.0, 12.0), dkd=(2.0, 15.0, 2.0)),
    resnet32x4_shufflenetv2=dict(kd=(2.0, 9.0), dkd=(2.0, 9.0, 8.0)),
    resnet32x4_wrn_16_2=dict(kd=(3.0, 9.0), dkd=(2.0, 9.0, 2.0)),
    resnet32x4_wrn_40_2=dict(kd=(3.0, 9.0), dkd=(2.0, 9.0, 8.0)),
    wrn_40_2_resnet8x4=dict(kd=(2.0, 9.0), dkd=(2.0, 18.0, 2.0)),
    wrn_40_2_mobilenetv2=dict(kd=(3.0, 9.0), dkd=(2.0, 15.0, 2.0)),
    vgg13_mobilenetv2=dict(kd=(3.0, 9.0), dkd=(3.0, 9.0, 2.0)),
    resnet50_mobilenetv2=dict(kd=(3.0, 1.0), dkd=(2.0, 15.0, 2.0)))
