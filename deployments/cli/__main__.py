"""``python -m deployments.cli``: the console script without its script."""

from __future__ import annotations

from deployments.cli.main import main

if __name__ == "__main__":
    main()
