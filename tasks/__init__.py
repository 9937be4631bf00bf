"""The work: a folder computes (no Prefect, no database), a file wraps one step for Prefect."""
