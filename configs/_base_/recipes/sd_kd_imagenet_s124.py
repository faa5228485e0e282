# SD-KD with three scales, those of SD-DKD for this pair.
_base_ = './sd_kd_cifar.py'
