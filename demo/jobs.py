"""One training of the demo: a job for ``tools/train.py``, with a bar."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional

from tqdm import tqdm

from mmkd_logit.launch.logs import last_values, read_log

#: Folder with ``tools/`` and ``configs/``: the repository.
ROOT = Path(__file__).resolve().parents[1]
_STATE = 'demo_state.json'


@dataclass
class Job:
    """What to train, and where.

    Args:
        title (str): Shown beside the bar.
        config (Path): Config file.
        folder (Path): Work dir of this training alone.
        options (dict): For ``--cfg-options``.
        data_root (Path): For ``--data-root``; holds ``digits.json``.
        teacher (Job, optional): The teacher's training, finished before.
    """

    title: str
    config: Path
    folder: Path
    data_root: Path
    options: Dict[str, Any] = field(default_factory=dict)
    teacher: Optional['Job'] = None

    def __post_init__(self) -> None:
        from mmkd_logit.launch import load_config

        self.cfg = load_config(str(self.config), self.options)

    @property
    def max_iters(self) -> int:
        return self.cfg.train_cfg.max_iters

    @property
    def checkpoint(self) -> Path:
        """Weights after the last iteration."""
        return self.folder / f'iter_{self.max_iters}.pth'

    @property
    def fingerprint(self) -> str:
        """Changes with the config, the data and the teacher."""
        parts = [
            json.dumps(self.cfg.to_dict(), sort_keys=True, default=str),
            (self.data_root / 'digits.json').read_text(),
            self.teacher.fingerprint if self.teacher else '',
        ]
        return hashlib.sha256('\n'.join(parts).encode()).hexdigest()[:16]

    @property
    def state(self) -> Dict[str, Any]:
        """Fingerprint, seconds spent so far, and whether it is done."""
        path = self.folder / _STATE
        return json.loads(path.read_text()) if path.exists() else {}

    def save_state(self, **state) -> None:
        path = self.folder / _STATE
        path.with_suffix('.new').write_text(json.dumps(state))
        path.with_suffix('.new').replace(path)

    def command(self) -> list:
        """The command that a user would type."""
        words = [
            sys.executable,
            str(ROOT / 'tools' / 'train.py'),
            str(self.config),
            '--work-dir',
            str(self.folder),
            '--data-root',
            str(self.data_root),
            '--resume',
        ]
        if self.teacher:
            words += ['--teacher-ckpt', str(self.teacher.checkpoint)]
        if self.options:
            words.append('--cfg-options')
            words += [f'{key}={value}' for key, value in self.options.items()]
        return words


def run(job: Job, metric: str, lock: Optional[int] = None) -> None:
    """Start a training, or continue it where it was interrupted.

    A training that is done is only shown.

    Args:
        job (Job): What to train.
        metric (str): Logged name of the metric shown beside the bar.
        lock (int, optional): File descriptor that the training keeps open.

    Raises:
        SystemExit: If the training failed; with the end of its output.
    """
    state = job.state
    if state.get('fingerprint') != job.fingerprint:
        _clear(job.folder)
        state = dict(fingerprint=job.fingerprint, seconds=0.0, done=False)
        job.save_state(**state)
    # On a terminal the bar moves twice a second, in a log file rarely.
    quiet = 0.1 if sys.stderr.isatty() else 20
    with tqdm(
        total=job.max_iters, desc=job.title, unit='it', mininterval=quiet
    ) as bar:
        bar.set_postfix_str('starting')
        if not (state['done'] and job.checkpoint.exists()):
            _step_back(job)
            _train(job, state, bar, metric, lock)
        _show(job, bar, metric)


def _train(job, state, bar, metric, lock) -> None:
    # Waiting threads sleep instead of spinning: on a busy machine a training
    # step of PyTorch is then up to ten times faster.
    env = dict(os.environ, PYTHONUNBUFFERED='1')
    env.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    begin = time.time() - state['seconds']
    with open(job.folder / 'output.txt', 'a') as output:
        process = subprocess.Popen(
            job.command(),
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            pass_fds=() if lock is None else (lock,),
        )
        try:
            while process.poll() is None:
                time.sleep(0.5)
                _show(job, bar, metric)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            state['done'] = process.returncode == 0
            state['seconds'] = time.time() - begin
            job.save_state(**state)
    if process.returncode != 0:
        path = job.folder / 'output.txt'
        end = path.read_text(errors='replace').splitlines()[-15:]
        end.append(
            f'demo: "{job.title}" stopped with code {process.returncode}; all '
            f'of its output is in {path}. The same command goes on where it '
            'stopped'
        )
        raise SystemExit('\n'.join(['', *end]))


def _step_back(job: Job) -> None:
    """Drop final weights without a validation, which resuming would skip.

    MMEngine saves first and validates then; an interruption in between leaves
    them. The checkpoint before is kept (``max_keep_ckpts=2``).
    """
    if not job.checkpoint.exists():
        return
    job.checkpoint.unlink()
    latest = job.folder / 'last_checkpoint'
    latest.unlink(missing_ok=True)
    rest = sorted(
        job.folder.glob('iter_*.pth'), key=lambda path: path.stat().st_mtime
    )
    if rest:
        latest.write_text(str(rest[-1]))


def _show(job: Job, bar: tqdm, metric: str) -> None:
    values = last_values(read_log(job.folder))
    if 'loss' in values:
        bar.set_postfix(
            {
                short: f'{values[key]:.3f}'
                for short, key in (
                    ('loss', 'loss'),
                    ('kd', 'loss_kd'),
                    (metric.split('/')[-1], metric),
                )
                if key in values
            },
            refresh=False,
        )
    bar.update(max(0, int(values.get('step', 0)) - bar.n))
    if sys.stderr.isatty():
        bar.refresh()


def _clear(folder: Path) -> None:
    """Remove what an earlier training with other settings left."""
    if folder.exists():
        if any(folder.iterdir()) and not (folder / _STATE).exists():
            raise SystemExit(
                f'demo: {folder} holds files that the demo did not make and '
                'is not overwritten; name another folder with --work-dir'
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
