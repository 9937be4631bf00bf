"""Write the document of a model version to a file."""
