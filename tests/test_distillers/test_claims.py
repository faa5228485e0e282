"""How good a teacher is by its own account."""

import pytest
from mmengine.logging import MessageHub

from mmkd_logit.distillers.claims import checkpoint_claims, metafile_claims


def test_a_checkpoint_remembers_its_last_validation():
    hub = MessageHub.get_instance('claims')
    for value in (0.1, 0.3):
        hub.update_scalar('val/coco/bbox_mAP', value)
    hub.update_scalar('train/loss', 1.0)
    checkpoint = dict(message_hub=hub.state_dict())
    assert checkpoint_claims(checkpoint) == {'coco/bbox_mAP': 0.3}


@pytest.mark.parametrize(
    'checkpoint', [None, {}, dict(message_hub=None), dict(message_hub=[])]
)
def test_others_claim_nothing(checkpoint):
    assert checkpoint_claims(checkpoint) == {}


@pytest.mark.parametrize(
    'package, config, claims',
    [
        ('mmpretrain', 'resnet/resnet18_8xb16_cifar10.py', 94.82),
        (
            'mmseg',
            'pspnet/pspnet_r50-d8_4xb2-40k_cityscapes-512x1024.py',
            77.8,
        ),
    ],
)
def test_metafiles_list_metrics(package, config, claims):
    pytest.importorskip(package)
    import mmkd_logit.registry  # noqa: F401  names the distribution of mmseg

    found = metafile_claims(f'{package}::{config}')
    assert list(found.values())[0] == pytest.approx(claims, abs=0.1)


def test_box_and_mask_ap_are_shares():
    pytest.importorskip('mmdet')
    found = metafile_claims('mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py')
    assert set(found) == {'coco/bbox_mAP', 'coco/segm_mAP'}
    assert all(0.3 < value < 0.4 for value in found.values())
    assert metafile_claims('mmdet::no/such.py') == {}
