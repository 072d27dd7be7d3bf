"""`python -m sensorium`."""

from sensorium.surfaces.cli import main

if __name__ == "__main__":
    main()
