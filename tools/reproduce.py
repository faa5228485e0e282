"""Run a table of configs and seeds, and write what came out.

    python tools/reproduce.py --seeds 0 1 2 --work-dir work_dirs/row \\
        configs/baseline/cifar_resnet20_cifar100-short.py \\
        configs/{kd,dkd}/cifar_resnet56_resnet20_cifar100-short.py

Each run is a job for tools/train.py in a folder of its own. Finished runs are
skipped and interrupted ones continue, so the same command may be given again,
with more configs or seeds too. After each run the work dir has table.md and
report.html.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List, NamedTuple

from tqdm import tqdm

from mmkd_logit.checkpoints.files import written_whole
from mmkd_logit.launch import run_and_explain
from mmkd_logit.messages import StoppedRun
from mmkd_logit.report import collect, group_runs, write_report
from mmkd_logit.report.page import markdown_table

TRAIN = Path(__file__).with_name('train.py')
_RECORD = 'reproduced.json'


class Job(NamedTuple):
    """One config with one seed."""

    config: str
    seed: int
    folder: Path
    command: List[str]

    @property
    def is_done(self) -> bool:
        """Whether it ended well."""
        return 'seconds' in self.record

    @property
    def record(self) -> dict:
        """Its command, and the seconds that it took once it is done."""
        path = self.folder / _RECORD
        return json.loads(path.read_text()) if path.exists() else {}

    def save(self, **record) -> None:
        """Write the record whole: another thread may be reading it."""
        with written_whole(str(self.folder / _RECORD)) as file:
            file.write(json.dumps(record).encode())


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', nargs='+', help='config files')
    parser.add_argument(
        '--seeds', type=int, nargs='+', default=[0], help='0 1 2'
    )
    parser.add_argument('--work-dir', default='work_dirs/reproduce')
    parser.add_argument('--data-root', help='for all runs')
    parser.add_argument('--teacher-ckpt', help='for all distillations')
    parser.add_argument(
        '--jobs', type=int, default=1, help='runs at one time; default: 1'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], help='for all runs'
    )
    return parser.parse_args()


def make_jobs(args: argparse.Namespace) -> List[Job]:
    """Seed after seed, so that every config has one result early."""
    jobs = []
    for seed in args.seeds:
        for config in args.config:
            path = Path(config)
            name = f'{path.parent.name}_{path.stem}_seed{seed}'
            folder = Path(args.work_dir) / name
            command = [str(TRAIN), config, '--work-dir', str(folder)]
            if args.data_root:
                command += ['--data-root', args.data_root]
            if args.teacher_ckpt and path.parent.name != 'baseline':
                command += ['--teacher-ckpt', args.teacher_ckpt]
            command += ['--cfg-options', f'randomness.seed={seed}']
            jobs.append(Job(config, seed, folder, command + args.cfg_options))
    return jobs


def run(job: Job) -> None:
    """Train, or go on with what was interrupted.

    Raises:
        StoppedRun: If it failed, with the end of what it printed; if the
            folder has a run of another command.
    """
    earlier = job.record.get('command', job.command)
    if earlier != job.command:
        raise StoppedRun(
            f'{job.folder} has a run of another command ({" ".join(earlier)});'
            ' give another --work-dir, or move that folder away'
        )
    if job.is_done:
        return
    job.folder.mkdir(parents=True, exist_ok=True)
    job.save(command=job.command)
    begin = time.time()
    place = job.command.index('--cfg-options')
    command = [*job.command[:place], '--resume', *job.command[place:]]
    output = job.folder / 'output.txt'
    with open(output, 'a') as file:
        code = subprocess.call(
            [sys.executable, *command],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, PYTHONUNBUFFERED='1'),
        )
    if code:
        end = output.read_text(errors='replace').splitlines()[-3:]
        raise StoppedRun(
            f'{job.folder.name} stopped with code {code}; all of its output '
            f'is in {output}, which ends in: {" ".join(end)}'
        )
    job.save(command=job.command, seconds=time.time() - begin)


def write_results(jobs: List[Job], work_dir: str) -> str:
    """The table of what is done; also as a file, and as a page."""
    done = [str(job.folder) for job in jobs if job.is_done]
    table = markdown_table(group_runs([collect(folder) for folder in done]))
    Path(work_dir, 'table.md').write_text(table + '\n', encoding='utf-8')
    write_report(done, str(Path(work_dir, 'report.html')), 'Reproduced')
    return table


def main() -> None:
    args = parse_args()
    jobs = make_jobs(args)
    failed: Dict[str, str] = {}
    with ThreadPoolExecutor(args.jobs) as pool:
        for job, future in zip(
            tqdm(jobs, desc='runs'), [pool.submit(run, job) for job in jobs]
        ):
            try:
                future.result()
            except StoppedRun as error:
                failed[job.folder.name] = str(error)
                tqdm.write(str(error))
                continue
            write_results(jobs, args.work_dir)
    if any(job.is_done for job in jobs):
        print(write_results(jobs, args.work_dir))
    if failed:
        raise StoppedRun(
            f'{len(failed)} of {len(jobs)} runs stopped: {", ".join(failed)}; '
            'the same command goes on with them'
        )


if __name__ == '__main__':
    run_and_explain(main)
