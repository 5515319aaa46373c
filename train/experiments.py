"""Deprecated name of `python -m train.paper`, kept for one release."""

import sys

from train.paper.__main__ import main

if __name__ == "__main__":
    print(
        "python -m train.experiments is deprecated: use python -m train.paper",
        file=sys.stderr,
    )
    sys.exit(main())
