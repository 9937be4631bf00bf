"""What people and programs reach over the network: the API and, later, the pages."""
