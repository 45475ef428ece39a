"""``python -m fwp_neuro`` is the command ``fwp-neuro``."""

from fwp_neuro.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
