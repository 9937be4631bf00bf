"""What channels are told of runs: incidents, messages, and their sending."""
