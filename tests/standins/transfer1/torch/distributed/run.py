"""As much of `torchrun` as a stand-in needs: one process for each GPU, and its error when one of them fails."""

import argparse
import os
import subprocess
import sys

parser = argparse.ArgumentParser(prog="torchrun", allow_abbrev=False)
parser.add_argument("--standalone", action="store_true", required=True)
parser.add_argument("--nproc_per_node", type=int, required=True)
parser.add_argument("script")
parser.add_argument("words", nargs=argparse.REMAINDER)
given = parser.parse_args()
if given.nproc_per_node > len(os.environ["CUDA_VISIBLE_DEVICES"].split(",")):
    sys.exit("RuntimeError: CUDA error: invalid device ordinal")
shared = {"WORLD_SIZE": str(given.nproc_per_node), "MASTER_ADDR": "localhost", "MASTER_PORT": "29400"}
ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank), **shared} for rank in range(given.nproc_per_node)]
argv = [sys.executable, given.script, *given.words]
started = [subprocess.Popen(argv, env={**os.environ, **rank}) for rank in ranks]
codes = [process.wait() for process in started]
if any(codes):
    print("Traceback (most recent call last):", file=sys.stderr)
    print("torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ", file=sys.stderr)
    print(f"{'=' * 60}\n{given.script} FAILED\n{'-' * 60}\nRoot Cause (first observed failure):", file=sys.stderr)
    print(f"  exitcode  : {max(codes)}\n{'=' * 60}", file=sys.stderr)
sys.exit(int(any(codes)))
