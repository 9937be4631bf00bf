"""Execute one statement in a database."""
