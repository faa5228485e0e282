#!/usr/bin/env bash
# Test with several processes on one machine, or on NNODES of them.
#
#   bash tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of test.py]
#
# PYTHON, PORT, NNODES, NODE_RANK and MASTER_ADDR are read if set.
if [ $# -lt 3 ]; then
    echo "usage: bash $0 CONFIG CHECKPOINT PROCESSES [options of test.py]" >&2
    exit 2
fi
config=$1
checkpoint=$2
processes=$3
shift 3
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" --nproc_per_node="$processes" \
    "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
