"""A table looked at before a model is: how columns go together, and what they do along time. Stores nothing."""
