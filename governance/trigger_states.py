"""What triggers saw when they last looked."""
