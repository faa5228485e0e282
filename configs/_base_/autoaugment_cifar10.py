# AutoAugment's policy for CIFAR-10 (Cubuk et al., CVPR 2019): 25 pairs of
# operations, each with its probability in tenths and its level from 0 to 9.
policy = (
    'In10 Co26 Ro72 TX39 Sh81 Sh93 SY58 TY79 Au50 Eq90 SY27 Po37 Cl43 Br67 '
    'Sh39 Br79 Eq60 Eq50 Co67 Sh65 Cl77 TX58 Eq30 Au40 TY43 Sh26 Br96 Cl28 '
    'So52 In00 Eq20 Au60 Eq20 Eq60 Cl99 Eq60 Au80 So28 Br13 Cl70 So45 Au90 '
    'TY99 TY79 Au90 So83 Eq80 In10 TY79 Au90 ').split()
# MMPretrain's transforms with their values at level 9
operations = dict(
    In=dict(type='Invert'), Eq=dict(type='Equalize'),
    Au=dict(type='AutoContrast'), Co=dict(type='Contrast', magnitude=0.9),
    Sh=dict(type='Sharpness', magnitude=0.9),
    Br=dict(type='Brightness', magnitude=0.9),
    Cl=dict(type='ColorTransform', magnitude=0.9),
    Ro=dict(type='Rotate', angle=30), So=dict(type='Solarize', thr=0),
    Po=dict(type='Posterize', bits=5),  # level 7 is the only one
    SY=dict(type='Shear', magnitude=0.3, direction='vertical'),
    TX=dict(
        type='Translate', magnitude=150 / 331, direction='horizontal'),
    TY=dict(type='Translate', magnitude=150 / 331, direction='vertical'))
