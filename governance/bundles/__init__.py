"""Bundles: a project frozen and hashed, to be moved into another installation."""
