"""Recipes become modules; and the modules that torch lacks."""
