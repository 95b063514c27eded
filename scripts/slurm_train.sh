#!/bin/bash
# One training on several nodes: sbatch scripts/slurm_train.sh CONFIG [key=value ...] [--resume]
#
# One task a node runs `accelerate launch`, which starts a process a GPU; the nodes meet at the first of them. The run
# folder and the store must lie on a disk that all nodes share. Submitted again with --resume it goes on.
#
# Edit: the lines with #SBATCH, and how the environment is entered. Keep --ntasks-per-node=1.
#SBATCH --job-name=mmdx-train
#SBATCH --partition=gpu
#SBATCH --time=12:00:00
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gres=gpu:4
#SBATCH --cpus-per-task=32
#SBATCH --mem=128G
#SBATCH --output=train-%j.out
set -euo pipefail

source "$HOME/venv/bin/activate"

if [ $# -lt 1 ]; then
    echo "usage: sbatch $0 CONFIG [key=value ...] [--resume]" >&2
    exit 2
fi

GPUS=4 # a node, as in --gres
HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
# Two jobs that share a node must not share a port.
PORT=$((20000 + SLURM_JOB_ID % 20000))

export HEAD PORT GPUS
# Within srun, in single quotes, each node puts in its own number.
srun bash -c 'exec accelerate launch \
    --multi_gpu \
    --num_machines "$SLURM_NNODES" \
    --num_processes "$((SLURM_NNODES * GPUS))" \
    --machine_rank "$SLURM_NODEID" \
    --main_process_ip "$HEAD" \
    --main_process_port "$PORT" \
    --rdzv_backend c10d \
    -m mmdx.cli train "$@"' bash "$@"
