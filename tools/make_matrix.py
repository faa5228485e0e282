"""Write the table of losses x head families to docs/matrix.md and README.md.

Every cell is tried on a toy of the family: two training steps, or the
sentence that refuses it when the model is built. Run it from the repository
after adding a loss, a reader or a toy family.
"""

import argparse
import logging
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START = '<!-- matrix: written by tools/make_matrix.py -->'
END = '<!-- end of matrix -->'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--check',
        action='store_true',
        help='write nothing, fail if a page differs',
    )
    return parser.parse_args()


def between_markers(page: str, table: str) -> str:
    """``page`` with ``table`` in the place of what its markers enclose.

    Raises:
        ValueError: If it lacks a marker.
    """
    if START not in page or END not in page:
        raise ValueError(f'the page lacks {START!r} or {END!r}; add both')
    before, _, rest = page.partition(START)
    return f'{before}{START}\n\n{table}\n\n{END}{rest.partition(END)[2]}'


def main() -> None:
    args = parse_args()
    sys.path.insert(0, str(ROOT))
    from tests.matrix import summary, table

    warnings.simplefilter('ignore')
    logging.disable(logging.INFO)
    for name, write in (('docs/matrix.md', table), ('README.md', summary)):
        path = ROOT / name
        old = path.read_text()
        new = between_markers(old, write())
        if args.check and new != old:
            sys.exit(f'{name} differs; run python tools/make_matrix.py')
        if not args.check:
            path.write_text(new)


if __name__ == '__main__':
    main()
