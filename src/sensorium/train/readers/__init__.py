"""Readers of data, one file a layout: each yields a `Pair` or a `Bad` for every row, in order."""
