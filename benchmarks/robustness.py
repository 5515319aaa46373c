"""Deprecated name of `python -m train.studies.robustness`, kept for one release."""

import sys

from train.studies.robustness.__main__ import main

if __name__ == "__main__":
    print(
        "python -m benchmarks.robustness is deprecated: use python -m train.studies.robustness",
        file=sys.stderr,
    )
    sys.exit(main())
