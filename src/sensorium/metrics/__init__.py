"""Pure functions that score results against truth."""
