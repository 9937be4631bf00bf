"""The document of a model version. No Prefect, no database."""
