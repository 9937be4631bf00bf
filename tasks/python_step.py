"""Call a function of the project."""
