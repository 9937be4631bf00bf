"""What is said of a run: text and HTML. No Prefect, no database."""
