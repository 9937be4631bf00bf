"""Parts of an evaluation: which rows belong together, how well each part is predicted, and how far it has moved."""
