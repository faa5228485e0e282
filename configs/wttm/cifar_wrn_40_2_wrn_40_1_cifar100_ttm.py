# WTTM, CIFAR-100: wrn_40_2 teaches wrn_40_1.
# Without the weight of each row, which is TTM.
_base_ = [
    '../_base_/pairs/cifar_wrn_40_2_wrn_40_1_cifar100.py',
    '../_base_/recipes/wttm_cifar_ttm_weight76.py'
]
globals().update(_base_.pop('recipe'))
