"""Every module has a test file of its name in the mirrored folder."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent / 'mmkd_logit'

#: Modules that are tested as a part of what uses them: the test file, and a
#: word in it that leads to the module.
ELSEWHERE = {
    'checkpoints/mdistiller': (
        'test_tools/test_mdistiller_converter.py',
        'mdistiller',
    ),
    'doctor/stacks': ('test_packaging.py', 'doctor.stacks'),
    'heads/base': ('test_distillers/test_term.py', 'LogitReader'),
    'heads/upstream/class_loss': (
        'test_heads/test_dense_cls_logits.py',
        'class_loss',
    ),
    'heads/upstream/decode_heads': (
        'test_heads/test_seg_logits.py',
        'decode_heads',
    ),
    'heads/upstream/dense_heads': (
        'test_heads/test_dense_cls_logits.py',
        'dense_heads',
    ),
    'heads/upstream/detr': ('test_heads/test_detr_logits.py', 'DETRLogits'),
    'heads/upstream/detr_student': (
        'test_heads/test_detr_logits.py',
        'DETRLogits',
    ),
    'heads/upstream/detr_teacher': (
        'test_heads/test_detr_logits.py',
        'DETRLogits',
    ),
    'heads/upstream/proposals': (
        'test_heads/test_sparse_roi_logits.py',
        'SparseRoILogits',
    ),
    'heads/upstream/yolo_heads': (
        'test_heads/test_yolo_logits.py',
        'YOLOXLogits',
    ),
    'launch/recipes': ('test_launch/test_start.py', 'recipes'),
    'launch/runner': ('test_launch/test_saving.py', 'ToolRunner'),
    # All published networks go through the same comparisons.
    'models/cifar_mobilenet_v2': (
        'test_models/test_cifar_networks.py',
        'MobileNetV2',
    ),
    'models/cifar_resnet': ('test_models/test_cifar_networks.py', 'resnet8x4'),
    'models/cifar_shufflenet_v1': (
        'test_models/test_cifar_networks.py',
        'ShuffleV1',
    ),
    'models/cifar_shufflenet_v2': (
        'test_models/test_cifar_networks.py',
        'ShuffleV2',
    ),
    'models/cifar_vgg': ('test_models/test_cifar_networks.py', 'vgg8'),
    'models/cifar_wrn': ('test_models/test_cifar_networks.py', 'wrn_16_2'),
    'models/cifar_zoo': (
        'test_models/test_cifar_networks.py',
        'cifar_classifier',
    ),
    # ``cuda.py`` launches the kernels.
    'ops/cuda_kernel': ('test_ops/test_cuda.py', 'cuda.group_kl'),
    'ops/cuda_long_kernel': ('test_ops/test_cuda.py', 'long_group_kl'),
}
#: Modules that declare fields and types, and compute nothing.
DECLARATIONS = (
    'structures/head_facts',
    'structures/logit_pair',
    'structures/notes',
)


def modules():
    """Path inside the package -> path of the twin inside the tests."""
    found = {}
    for path in sorted(PACKAGE.rglob('*.py')):
        inside = path.relative_to(PACKAGE).with_suffix('')
        if '.mim' in inside.parts or inside.name == '__init__':
            continue
        folders = [f'test_{part}' for part in inside.parts[:-1]]
        name = f'test_{inside.name.strip("_")}.py'
        found[inside.as_posix()] = Path(*folders, name)
    return found


def test_every_module_has_its_twin():
    missing = [
        module
        for module, twin in modules().items()
        if not (TESTS / twin).is_file()
        and module not in ELSEWHERE
        and module not in DECLARATIONS
    ]
    assert not missing, f'no test file for {", ".join(missing)}'


@pytest.mark.parametrize('module', ELSEWHERE)
def test_the_other_file_tests_the_module(module):
    assert (PACKAGE / f'{module}.py').is_file()
    file, word = ELSEWHERE[module]
    assert word in (TESTS / file).read_text()


@pytest.mark.parametrize('module', DECLARATIONS)
def test_declarations_have_no_functions(module):
    tree = ast.parse((PACKAGE / f'{module}.py').read_text())
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    ]
    assert not functions, f'{module} computes something and needs a test'
