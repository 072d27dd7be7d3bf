"""The shelf of public data sets that are prepared; see `train/prepare.py`."""
