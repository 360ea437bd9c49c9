"""What the scripts that train a run again are made of: `app.codegen` quotes these functions as they stand here.

Nothing of Traindeck calls them, so each says in the plainest way what `worker.data` and `worker.train` do; the tests
hold the scripts to the losses that those have.
"""
