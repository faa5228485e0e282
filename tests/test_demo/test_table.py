from demo.table import Row, format_table

ROWS = [
    Row('teacher', {'mAP': [0.5], 'AP50': [0.75]}, [4.0]),
    Row('student alone', {'mAP': [0.2, 0.3], 'AP50': [0.5, 0.5]}, [2.0, 3.0]),
    Row('with DKD', {'mAP': [0.3, 0.3], 'AP50': [0.4, 0.6]}, [3.0, 3.0]),
]


def cells(table):
    return [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in table.splitlines()
    ]


def test_table_has_means_spreads_and_paired_gains():
    head, _, teacher, alone, distilled = cells(format_table(ROWS))
    assert head == [
        'model',
        'mAP',
        'AP50',
        'gain',
        'mAP of each seed',
        'minutes',
    ]
    assert teacher == ['teacher', '0.500', '0.750', '', '0.500', '4.0']
    # sample standard deviation of (0.2, 0.3): 0.05 * sqrt(2) = 0.0707
    assert alone[1:] == [
        '0.250 ± 0.071',
        '0.500 ± 0.000',
        '',
        '0.200, 0.300',
        '2.5',
    ]
    # gains seed by seed: 0.1 and 0.0
    assert distilled[1:] == [
        '0.300 ± 0.000',
        '0.500 ± 0.141',
        '+0.050 ± 0.071',
        '0.300, 0.300',
        '3.0',
    ]


def test_one_seed_has_no_spread_and_a_loss_is_shown_as_such():
    rows = [
        Row('student alone', {'mAP': [0.25]}, [1.0]),
        Row('with DKD', {'mAP': [0.24]}, [1.0]),
    ]
    assert cells(format_table(rows))[-1] == [
        'with DKD',
        '0.240',
        '-0.010',
        '0.240',
        '1.0',
    ]


def test_all_lines_are_equally_long():
    assert len({len(line) for line in format_table(ROWS).splitlines()}) == 1


def test_a_run_without_detections_is_shown_as_nan():
    nan = float('nan')
    rows = [
        Row('student alone', {'mAP': [nan, nan]}, [1.0, 1.0]),
        Row('with DKD', {'mAP': [0.2, nan]}, [1.0, 1.0]),
    ]
    assert cells(format_table(rows))[-1][:2] == ['with DKD', 'nan ± nan']
