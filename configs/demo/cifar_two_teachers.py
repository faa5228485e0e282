# ResNet-56 and ResNet-32x4 teach ResNet-20 on CIFAR-100 with the mean of
# their probabilities; no paper has this pair. Settings of KD for one teacher.
_base_ = '../kd/cifar_resnet56_resnet20_cifar100.py'
model = dict(
    teacher=[
        '{{ fileDirname }}/../baseline/cifar_resnet56_cifar100.py',
        '{{ fileDirname }}/../baseline/cifar_resnet32x4_cifar100.py'
    ],
    teacher_ckpt=[
        'checkpoints/cifar_resnet56_cifar100.pth',
        'checkpoints/cifar_resnet32x4_cifar100.pth'
    ],
    teacher_mean='probabilities')
