#!/usr/bin/env bash
# Make a virtual environment with everything that mmkd_logit needs.
#
#   bash tools/install.sh [modern|classic] [FOLDER] [--torch VERSION]
#       [--wheels FOLDER_OR_PAGE]
#
# modern (default): torch 2.14 and the maintained onedl-mm* distributions.
# classic:          torch 2.1 and the last releases of the original project.
# FOLDER defaults to .venv (modern) or .venv-classic (classic). A folder that
# is complete is left alone, an interrupted one is completed. The interpreter
# is $PYTHON, or the first of python3, python3.12, 3.11 and 3.10 that fits.
#
# Most of the time goes into building mmcv. --wheels names a folder, or a page
# with links, that may have it built for this Python and torch; what does not
# import is built after all. --torch takes another version than the tested one.
set -euo pipefail
cd "$(dirname "$0")/.."

stop() {
    echo "install.sh: $*" >&2
    exit 1
}

names=()
version=
wheels=
while [ $# -gt 0 ]; do
    case "$1" in
    --torch | --wheels)
        [ $# -gt 1 ] || stop "$1 needs a value"
        [ "$1" = --torch ] && version=$2 || wheels=$2
        shift
        ;;
    -*) stop "got '$1', expected --torch VERSION or --wheels FOLDER_OR_PAGE" ;;
    *) names+=("$1") ;;
    esac
    shift
done
[ ${#names[@]} -le 2 ] || stop "got '${names[*]}', expected a stack and a folder"
case "$wheels" in
'' | *://*) ;;
*) wheels=$(cd "$wheels" 2>/dev/null && pwd) ||
    stop "--wheels: there is no folder of that name" ;;
esac

stack=${names[0]:-modern}
case "$stack" in
modern)
    folder=${names[1]:-.venv}
    candidates='python3 python3.12 python3.11 python3.10'
    newest=12
    room=12
    extra=onedl
    setuptools=(setuptools)
    torch=(torch==2.14.0 torchvision==0.29.0)
    versions='2\.([4-9]|1[0-9])(\.[0-9]+)?'
    with=()
    mmcv=onedl-mmcv==2.3.6
    ;;
classic)
    folder=${names[1]:-.venv-classic}
    candidates='python3 python3.11 python3.10'
    newest=11
    room=10
    extra=openmmlab
    setuptools=('setuptools<70')
    torch=(torch==2.1.2 torchvision==0.16.2 'numpy<2')
    versions='2\.[1-5](\.[0-9]+)?'
    with=('numpy<2' 'opencv-python<4.12')
    mmcv=mmcv==2.1.0
    ;;
*) stop "got '$stack', expected 'modern' or 'classic'" ;;
esac
if [ -n "$version" ]; then
    [[ $version =~ ^$versions$ ]] || stop "--torch $version is outside of what" \
        "the $stack stack works with: 2.$([ "$stack" = modern ] &&
            echo '4 or newer' || echo '1 to 2.5')"
    torch=("torch==$version" torchvision "${with[@]}")
fi

fits() {
    "$1" -c "import sys; sys.exit(not (3, 10) <= sys.version_info < (3, $newest + 1))" \
        >/dev/null 2>&1
}
python=
for candidate in ${PYTHON:-$candidates}; do
    if fits "$candidate"; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || stop "found no Python between 3.10 and 3.$newest among" \
    "'${PYTHON:-$candidates}'; install one and name it:" \
    "PYTHON=python3.11 bash tools/install.sh $stack"

stamp=$folder/.mmkd_logit-$(cat tools/install.sh setup.py mmkd_logit/doctor/stacks.py \
    mmkd_logit/ops/cpu.c | cksum | cut -d' ' -f1)${version:+-$version}
[ ! -e "$stamp" ] || exit 0
need_compiler() {
    command -v "${CXX:-c++}" >/dev/null || stop "found no C++ compiler" \
        "(${CXX:-c++}), which mmcv is built with; install one, for example:" \
        "apt-get install build-essential"
}
[ -n "$wheels" ] || need_compiler

say() { echo "install.sh: $*"; }
# The free disk space at the nearest folder that exists, in GB.
free_gb() {
    local place=$1
    while [ ! -d "$place" ]; do place=$(dirname "$place"); done
    df -Pk "$place" | awk 'NR == 2 { print int($4 / 1e6) }'
}
for place in "$folder" "${TMPDIR:-/tmp}"; do
    free=$(free_gb "$place")
    [ "$free" -ge "$room" ] || say "$free GB are free at $place; torch with its" \
        "CUDA libraries, downloaded and unpacked, takes up to $room GB. If pip" \
        "says 'No space left on device', name another FOLDER or TMPDIR"
done

quiet=-q
[ ! -t 1 ] || quiet=--progress-bar=on
pip() { "$folder/bin/python" -m pip "$@"; }
python_says() { "$folder/bin/python" -W ignore -c "$@"; }

say "the $stack stack into $folder with $python"
[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
folder=$(cd "$folder" && pwd)
pip install -q --upgrade pip wheel ninja packaging "${setuptools[@]}"
steps=$([ -n "$wheels" ] && echo 3 || echo 2)
say "1/$steps ${torch[*]}"
pip install $quiet "${torch[@]}"

# Whether mmcv was there, built for this Python and torch.
take_wheel() {
    say "2/3 $mmcv from $wheels"
    pip install $quiet --only-binary "${mmcv%%==*}" --find-links "$wheels" \
        "$mmcv" "${with[@]}" && python_says 'import mmcv.ops' && return
    say "no $mmcv there that works with this Python and torch; it is built"
    pip uninstall -q -y "${mmcv%%==*}" || true
    return 1
}
# mmcv asks for C++17, the headers of torch 2.14 for C++20. Its setup.py puts
# its wish last on the command line, so the compilers get a front end that
# replaces it.
# shellcheck disable=SC2016  # the front end expands them
with_cpp20() {
    printf '%s\n' '#!/bin/sh' 'for word do' '    shift' \
        '    [ "$word" != -std=c++17 ] || word=-std=c++20' \
        '    set -- "$@" "$word"' 'done' "exec $1 \"\$@\"" >"$2"
    chmod +x "$2"
}
prepare_build() {
    need_compiler
    cuda_home=$(python_says 'from torch.utils.cpp_extension import CUDA_HOME
print(CUDA_HOME or "")')
    if [ ! -x "$cuda_home/bin/nvcc" ] &&
        [ "$(python_says 'import torch; print(torch.cuda.is_available())')" = True ]
    then
        stop "this machine has a GPU, but no CUDA compiler (nvcc), which mmcv's" \
            "operators are built with; install the CUDA toolkit" \
            "$(python_says 'import torch; print(torch.version.cuda)'), or build" \
            "for the CPU alone: CUDA_VISIBLE_DEVICES= bash tools/install.sh $stack"
    fi
    if [ "$stack" = modern ]; then
        with_cpp20 "${CXX:-c++}" "$folder/bin/mmcv-c++"
        export CXX=$folder/bin/mmcv-c++
        if [ -x "$cuda_home/bin/nvcc" ]; then
            with_cpp20 "$cuda_home/bin/nvcc" "$folder/bin/mmcv-nvcc"
            export PYTORCH_NVCC=$folder/bin/mmcv-nvcc
        fi
    fi
    export MAX_JOBS=${MAX_JOBS:-$(nproc)}
}
if [ -n "$wheels" ] && take_wheel; then
    say '3/3 the toolboxes and mmkd_logit'
else
    prepare_build
    say "$steps/$steps $mmcv, the toolboxes and mmkd_logit; building mmcv takes about 20" \
        'core-minutes, once: pip keeps the result'
fi
# In an isolated build torch is invisible and the operators are left out.
pip install $quiet --no-build-isolation -e ".[$extra,dev]"
if ! python_says 'import mmcv.ops' 2>/dev/null; then
    say "the $mmcv that pip kept was built with another torch; building it anew"
    pip install $quiet --no-build-isolation --no-deps --force-reinstall \
        --no-cache-dir "$mmcv"
    python_says 'import mmcv.ops'
fi
touch "$stamp"
say "done in $SECONDS s"
