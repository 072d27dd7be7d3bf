"""The version of the package, in one place: the build and every result's provenance read it."""

__version__ = "0.1.0"
