"""Projects that come with driftgate, one folder each."""
