"""`python -m zerg`. This file is parsed by old interpreters, too: it tells them so in one line."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this is the line)
    sys.exit("zerg needs Python 3.11 or later; this is {}.{} ({})".format(*sys.version_info[:2], sys.executable))

from zerg.cli import main

if __name__ == "__main__":
    sys.exit(main())
