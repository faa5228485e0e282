"""The settings of a config and where they come from."""

import sys
from pathlib import Path

import pytest

pytest.importorskip('mmpretrain')

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
import settings  # noqa: E402


def lines(*words):
    report = settings.report(settings.find_config(list(words)))
    return [' '.join(line.split()) for line in report.splitlines()]


def test_each_setting_has_its_file():
    found = lines('sd_dkd', 'cifar_vgg13_vgg8_cifar100')
    term = 'model.distill.loss_kd'
    recipes = 'configs/_base_/recipes'
    for expected in (
        f'{term}.loss.tau = 4.0 {recipes}/dkd_cifar.py',
        f'{term}.loss.beta = 6.0 {recipes}/sd_dkd_cifar_beta6.py',
        f'{term}.logits.scales = (1, 2) {recipes}/sd_dkd_cifar_beta6_s12.py',
        f'optim_wrapper.clip_grad.max_norm = 40 {recipes}/dkd_cifar_clip.py',
        'optim_wrapper.optimizer.lr = 0.05 configs/_base_/cifar100.py',
        "model.teacher_ckpt = 'checkpoints/cifar_vgg13_cifar100.pth' "
        'configs/_base_/pairs/cifar_vgg13_vgg8_cifar100.py',
        # the comments of the files, which name the sources
        'SD-DKD with beta 6 and the scales 1 and 2: SDD repository, '
        'teacher_vgg.sh.',
    ):
        assert expected in found


def test_settings_of_a_toolbox_have_its_config():
    found = lines(str(ROOT / 'configs/kd/classifier_r34_r18_imagenet.py'))
    stock = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
    assert f'train_cfg.max_epochs = 100 {stock}' in found
    ours = 'configs/baseline/classifier_r18_imagenet.py'
    assert f'optim_wrapper.optimizer.lr = 0.2 {ours}' in found
    # of the same block, but not written there
    assert f'optim_wrapper.optimizer.momentum = 0.9 {stock}' in found
    recipe = 'configs/_base_/recipes/kd_imagenet.py'
    ce = 'model.student.head.loss.loss_weight'
    assert f'{ce} = 0.5 {recipe}' in found


def test_a_pair_without_a_published_setting_says_so():
    sentence = 'No setting is published for this pair; the recipe is a guess.'
    assert sentence in lines('ldrld', 'cifar_vgg13_vgg8_cifar100')
    assert sentence not in lines(
        'ldrld', 'cifar_resnet32x4_resnet8x4_cifar100'
    )


def test_batch_norm_and_mixup_are_shown():
    recipe = 'configs/_base_/recipes/sd_nkd_imagenet.py'
    assert f"sync_bn = 'torch' {recipe}" in lines(
        'sd_nkd', 'classifier_r34_r18_imagenet'
    )
    found = '\n'.join(lines('dkd', 'deit_s_ti_imagenet'))
    assert "model.student.train_cfg.augments.0.type = 'Mixup'" in found


@pytest.mark.parametrize(
    'words, hint',
    [
        (['dkk', 'x'], "no method 'dkk'; did you mean 'dkd'"),
        (
            ['dkd', 'cifar_vgg13_vgg9_cifar100'],
            "did you mean 'cifar_vgg13_vgg8_cifar100'",
        ),
        (['ldrld'], 'name one of its pairs after it: cifar_resnet110_resnet2'),
        (['sdd', 'x'], "no method 'sdd'; did you mean 'sd_"),
        (['lskd', 'x'], 'did you mean|those with configs are abkd, '),
        (['configs/kd/none.py'], 'no config .*; see tools/configs.yml'),
    ],
)
def test_unknown_names_are_one_sentence(words, hint):
    with pytest.raises(FileNotFoundError, match=hint):
        settings.find_config(words)
