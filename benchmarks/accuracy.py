"""Deprecated name of three commands, kept for one release."""

import runpy
import sys

COMMANDS = {"cross-validate": "train.cross_validation", "calibrate": "train.calibration"}

if __name__ == "__main__":
    command = COMMANDS.get("".join(sys.argv[1:2]), "train.studies.accuracy")
    if command in COMMANDS.values():
        del sys.argv[1]
    print(f"python -m benchmarks.accuracy is deprecated: use python -m {command}", file=sys.stderr)
    runpy.run_module(command, run_name="__main__", alter_sys=True)
