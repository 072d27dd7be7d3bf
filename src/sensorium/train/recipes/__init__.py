"""The shelf of recipes: one file each. See `train/recipe.py` for what a file has."""
