"""Where a person or a program meets the tasks."""
