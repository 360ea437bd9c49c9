"""Models and runs as Python that needs Traindeck no more."""
