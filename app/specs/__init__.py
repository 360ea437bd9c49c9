"""What a user can say, and whether it holds. Pure: the standard library and pydantic, nothing else of the project."""
