#!/usr/bin/env bash
# Train on a Slurm cluster; GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS
# are read from the environment.
#
#   bash tools/slurm_train.sh PARTITION JOB CONFIG [options of tools/train.py]
if [ $# -lt 3 ]; then
    echo "usage: bash $0 PARTITION JOB CONFIG [options of tools/train.py]" >&2
    exit 2
fi
partition=$1
job=$2
config=$3
shift 3
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
# shellcheck disable=SC2086  # SRUN_ARGS is a list of words
exec srun --partition="$partition" --job-name="$job" --ntasks="$gpus" \
    --ntasks-per-node="$per_node" --gres=gpu:"$per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} "${PYTHON:-python}" -u "$(dirname "$0")/train.py" \
    "$config" --launcher slurm "$@"
