"""Tables as they come in: sources, streaming, sampling, schema, fingerprint, and what leaves again."""
