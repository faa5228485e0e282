"""Metrics that are published for a teacher."""

from typing import Any, Dict, Mapping

#: Name of a metric in metafiles -> its name in logs, and by what the number in
#: the metafile is divided.
_METAFILE = {
    'Top 1 Accuracy': ('accuracy/top1', 1.0),
    'box AP': ('coco/bbox_mAP', 100.0),
    'mask AP': ('coco/segm_mAP', 100.0),
    'mIoU': ('mIoU', 1.0),
}


def metafile_claims(source: str) -> Dict[str, float]:
    """Metrics that a toolbox lists for one of its configs.

    Args:
        source (str): ``'package::path'``.

    Returns:
        dict[str, float]: By the names and in the units of the evaluators.
    """
    from mmengine.config.utils import (
        _get_cfg_metainfo,
        _get_package_and_cfg_path,
    )
    from mmengine.utils import get_installed_path

    try:
        package, path = _get_package_and_cfg_path(source)
        listed = _get_cfg_metainfo(get_installed_path(package), path)
    except Exception:  # a config without a metafile
        return {}
    claims = {}
    results = listed.get('Results') or []
    for result in results if isinstance(results, list) else [results]:
        for name, value in (result.get('Metrics') or {}).items():
            if name in _METAFILE and isinstance(value, (int, float)):
                key, factor = _METAFILE[name]
                claims[key] = value / factor
    return claims


def checkpoint_claims(checkpoint: Any) -> Dict[str, float]:
    """The last validation that a checkpoint of MMEngine holds."""
    hub = checkpoint.get('message_hub') if isinstance(checkpoint, dict) else 0
    scalars = hub.get('log_scalars') if isinstance(hub, Mapping) else {}
    claims = {}
    for name, history in (scalars or {}).items():
        if name.startswith('val/') and hasattr(history, 'current'):
            try:
                claims[name[len('val/') :]] = float(history.current())
            except (IndexError, TypeError, ValueError):  # an empty history
                continue
    return claims
