"""Alembic alone can import ``env.py``, so doctest must not."""

collect_ignore = ["env.py"]
