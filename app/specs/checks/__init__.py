"""Whether data, model and training fit the columns of a dataset: one file for each of the three.

Every check yields problems at their places in a run, and none looks at a row.
"""
