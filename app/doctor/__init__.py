"""The data doctor: what is wrong with a table, its target and its split, said before a run and in plain words.

Pure functions on a stored table and a `DataSpec`; a rule that is unsure says nothing.
"""
