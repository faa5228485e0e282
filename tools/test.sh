#!/usr/bin/env bash
# Install what is needed and pass the tests, in two processes.
#
#   bash tools/test.sh [modern|classic] [options of pytest]
set -euo pipefail
cd "$(dirname "$0")/.."
stack=modern
case "${1:-}" in
modern | classic)
    stack=$1
    shift
    ;;
esac
bash tools/install.sh "$stack"
folder=.venv
[ "$stack" = modern ] || folder=.venv-classic
export OMP_NUM_THREADS=1
exec "$folder/bin/python" -m pytest -q -x -n 2 --dist loadfile \
    -p no:cacheprovider "$@"
