"""Getting a model to run."""
