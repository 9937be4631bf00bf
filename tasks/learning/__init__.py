"""Splitting, fitting, judging, storing and applying a model. Computes only: no Prefect, no database."""
