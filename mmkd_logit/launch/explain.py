"""Show a user's mistake as one sentence instead of a traceback."""

import os
import sys
import traceback
from pathlib import Path
from typing import Callable, Optional
from urllib.error import URLError

from torch import distributed as dist
from torch.hub import get_dir

_PACKAGE = str(Path(__file__).parents[1])


def run_and_explain(main: Callable[[], None]) -> None:
    """Run ``main``; show mistakes that this package noticed as a sentence.

    Everything else keeps its traceback. ``MMKD_LOGIT_TRACEBACK=1`` shows it
    always.
    """
    try:
        main()
        if dist.is_available() and dist.is_initialized():
            gloo = dist.get_backend() == 'gloo'
            dist.destroy_process_group()
            if gloo:
                # Threads of gloo can outlive the interpreter and abort a
                # run that has ended well; everything is written by now.
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
    except Exception as error:
        message = _our_message(error)
        if message is None or os.environ.get('MMKD_LOGIT_TRACEBACK'):
            raise
        sys.exit(f'{type(error).__name__}: {message}')


def _our_message(error: Optional[BaseException]) -> Optional[str]:
    """Message of the first exception in the chain raised by this package."""
    while error is not None:
        if isinstance(error, URLError):
            return _download_message(error)
        frames = traceback.extract_tb(error.__traceback__)
        if frames and frames[-1].filename.startswith(_PACKAGE):
            return str(error.args[0] if error.args else error)
        error = error.__cause__ or error.__context__
    return None


def _download_message(error: URLError) -> str:
    """Weights that a config names, on a machine without a connection."""
    urls = [
        frame.f_locals['url']
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if isinstance(frame.f_locals.get('url'), str)
    ]
    return (
        f'{urls[0] if urls else "a file"} could not be downloaded '
        f'({error.reason}); put it into {get_dir()}/checkpoints on this '
        'machine, name a local file in the config (`pretrained`, `init_cfg` '
        'or `load_from`), or start from random weights, for a distilled '
        'student with --cfg-options model.student.pretrained=None or '
        'model.student.backbone.init_cfg=None'
    )
