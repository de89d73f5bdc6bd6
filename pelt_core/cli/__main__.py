"""`python -m pelt_core.cli`, the same as `pelt`."""

from pelt_core.cli import app

if __name__ == "__main__":
    app()
