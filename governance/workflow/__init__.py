"""The workflow of an item: its steps, its fields, and the files attached to them."""
