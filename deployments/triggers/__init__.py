"""What starts scenarios when something happens in the world."""
