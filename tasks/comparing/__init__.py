"""Whether one version is better than another on the same rows. No Prefect, no database."""
