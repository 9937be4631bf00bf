"""What is done of a backfill, and what remains."""
