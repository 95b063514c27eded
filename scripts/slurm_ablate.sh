#!/bin/bash
# An ablation as a Slurm array: identical workers over one folder, and a last job that compares.
#
#   scripts/slurm_ablate.sh CONFIG [key=value ...] [--seeds N] [--sizes N,N]
#
# Each worker takes the next training that no other has, until none is left: a worker that is killed or runs out of time
# loses nothing, and may be submitted again. Start it where `mmdx train CONFIG` would be started; the folder of the
# ablation must lie on a disk that all nodes share, and that knows locks (flock: NFS and most parallel ones do).
#
# Edit: partition, time, memory, the number of workers, how the environment is entered.
set -euo pipefail

PARTITION=gpu
TIME=12:00:00
WORKERS=4
RESOURCES=(--gres=gpu:1 --cpus-per-task=8 --mem=32G)
ENTER=". $HOME/venv/bin/activate" # read by sh, which knows no source

if [ $# -lt 1 ]; then
    echo "usage: $0 CONFIG [key=value ...] [options of mmdx ablate]" >&2
    exit 2
fi

COMMAND="$ENTER && exec mmdx ablate$(printf ' %q' "$@")"
# --signal: mmdx stops its trainings, with their states whole, two minutes before the time is up.
ARRAY=$(sbatch --parsable --job-name=mmdx-ablate --partition="$PARTITION" --time="$TIME" "${RESOURCES[@]}" \
    --array="1-$WORKERS" --signal=B:TERM@120 --output="ablate-%A-%a.out" --wrap="$COMMAND")
# It finds everything trained, and compares; what a worker left unfinished, it trains first. It has a time of its own,
# and begins when all workers have ended, whatever became of them.
LAST=$(sbatch --parsable --job-name=mmdx-compare --partition="$PARTITION" --time="$TIME" "${RESOURCES[@]}" \
    --dependency="afterany:$ARRAY" --signal=B:TERM@120 --output="ablate-%j.out" --wrap="$COMMAND")
echo "workers: job $ARRAY, 1 to $WORKERS; comparison: job $LAST"
