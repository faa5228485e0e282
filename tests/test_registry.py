from mmengine.registry import TRANSFORMS, DefaultScope, Registry

from mmkd_logit.registry import HOOKS, MODELS


def test_our_names_resolve_from_the_registry_of_mmengine():
    assert MODELS.parent.get('mmkd_logit.KDLoss') is MODELS.get('KDLoss')
    assert HOOKS.parent.get('mmkd_logit.KDWarmupHook') is not None


def test_inherited_parts_are_found_in_the_toolbox_in_use():
    toolbox = Registry('transform', parent=TRANSFORMS, scope='toy_toolbox')

    @toolbox.register_module()
    class PackToyInputs:
        pass

    try:
        inherited = dict(type='PackToyInputs', _scope_='mmkd_logit')
        with DefaultScope.overwrite_default_scope('toy_toolbox'):
            assert isinstance(TRANSFORMS.build(inherited), PackToyInputs)
    finally:
        del TRANSFORMS._children['toy_toolbox']
