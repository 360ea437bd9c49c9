"""Measurements, never assertions: each prints ratios taken in one run. `make bench`."""
