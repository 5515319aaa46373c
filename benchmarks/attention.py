"""Deprecated name of `python -m train.studies.attention`, kept for one release."""

import sys

from train.studies.attention.__main__ import main

if __name__ == "__main__":
    print(
        "python -m benchmarks.attention is deprecated: use python -m train.studies.attention",
        file=sys.stderr,
    )
    sys.exit(main())
