"""The two sets of distributions that the project is tested with.

Both install the same import packages, so an environment holds one or the
other. ``setup.py`` makes the extras of these tables and the doctor compares
an environment with them; ``tools/install.sh`` installs them.
"""

MODERN = {
    'torch': 'torch==2.14.0',
    'torchvision': 'torchvision==0.29.0',
    'mmengine': 'onedl-mmengine==0.10.12',
    'mmcv': 'onedl-mmcv==2.3.6',
    'mmdet': 'onedl-mmdetection==3.5.1',
    'mmseg': 'onedl-mmsegmentation==1.4.2',
    'mmpretrain': 'onedl-mmpretrain==1.3.6',
}
CLASSIC = {
    'torch': 'torch==2.1.2',
    'torchvision': 'torchvision==0.16.2',
    'mmengine': 'mmengine==0.10.7',
    'mmcv': 'mmcv==2.1.0',
    'mmdet': 'mmdet==3.3.0',
    'mmseg': 'mmsegmentation==1.2.2',
    'mmpretrain': 'mmpretrain==1.2.0',
}
STACKS = {'onedl': MODERN, 'openmmlab': CLASSIC}

# The versions of torch that the extras accept; the pins above are tested.
TORCH_RANGE = {
    'onedl': ['torch>=2.4', 'torchvision'],
    # mmengine 0.10.7 cannot read its own checkpoints with torch 2.6 and later.
    'openmmlab': ['torch>=2.1,<2.6', 'torchvision'],
}

# Packages that the parts import or need, but do not require in their metadata.
NEEDS = {
    'onedl': {},
    'openmmlab': {
        'mmengine': ['numpy<2', 'opencv-python<4.12', 'setuptools<70'],
        'mmseg': ['ftfy', 'regex'],
    },
}
