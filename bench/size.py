"""`python3 build.py size`: where the megabytes of an installation go."""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from pathlib import Path

BUDGET = 50.0  # MB


def main(folder: str) -> int:
    """The table for the packages below `folder`; 1 if they are over the budget."""
    sizes = {found.metadata["Name"]: weight(found.files or (), Path(folder)) for found in distributions(path=[folder])}
    for name, size in sorted(sizes.items(), key=lambda one: -one[1]):
        print(f"{size / 1e6:8.2f} MB  {name}")
    total = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
    print(f"{total:8.2f} MB  in all, .pyc included (budget: {BUDGET:g} MB)")
    return int(total > BUDGET)


def weight(files: object, folder: Path) -> int:
    """Bytes of the files that are there."""
    assert isinstance(files, list | tuple)
    return sum(path.stat().st_size for file in files if (path := folder / str(file)).is_file())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
