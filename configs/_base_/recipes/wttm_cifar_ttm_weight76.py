# TTM with weight 76: abkd standard_classification/train_ttm.sh, WRN-40-2 to
# WRN-40-1.
_base_ = './wttm_cifar_ttm.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(loss_weight=76.0)))))
