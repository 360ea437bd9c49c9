def make_plan(job):
    raise NotImplementedError
