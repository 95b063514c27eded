"""Runs commands of `mmdx`, each in a process of its own that is forked from one which has imported what they share.

Importing is most of the time of a short command. Each line of the standard input is a command, as a list in JSON, and
where its output goes; each line of the standard output is its exit code.
"""

from __future__ import annotations

import json
import os
import sys

from mmdx.cli import main
from mmdx.engine.experiments import run  # noqa: F401  (imported once)
from mmdx.engine.inference import predict  # noqa: F401
from mmdx.stats import evidence  # noqa: F401


def serve() -> None:
    for line in sys.stdin:
        words, output = json.loads(line)
        child = os.fork()
        if child == 0:
            file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, 1)
            os.dup2(file, 2)
            sys.argv = ["mmdx", *words]
            main()  # ends the process
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
