"""One self-contained HTML page about runs of any of the toolboxes.

python tools/report.py work_dirs/student work_dirs/dkd/student
"""

import argparse

from tqdm import tqdm

from mmkd_logit.launch import run_and_explain
from mmkd_logit.report import write_report


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('work_dir', nargs='+', help='folders of the runs')
    parser.add_argument('--out', default='report.html', help='HTML file')
    parser.add_argument('--title', default='Distillation report')
    parser.add_argument(
        '--examples',
        type=int,
        default=0,
        metavar='N',
        help='draw N validation images with the predictions of each run',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    path = write_report(
        args.work_dir,
        args.out,
        args.title,
        args.examples,
        lambda groups: tqdm(groups, desc='examples'),
    )
    print(f'wrote {path}')


if __name__ == '__main__':
    run_and_explain(main)
