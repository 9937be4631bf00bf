"""Send a message through a channel."""
