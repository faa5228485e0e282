#!/usr/bin/env bash
# The whole tool on a small generated dataset: installs what is needed into
# .venv, trains a teacher, a student alone and a student with DKD, and leaves
# a table and pictures. Safe to interrupt and to run again.
#
#   bash tools/demo.sh [--seeds 0 1 2] [--task segmentation] [--quick]
set -euo pipefail
cd "$(dirname "$0")/.."
bash tools/install.sh modern
exec .venv/bin/python -m demo "$@"
