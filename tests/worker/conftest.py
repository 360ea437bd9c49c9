"""Before anything loads torch: how its threads wait is settled by the worker's package."""

import worker  # noqa: F401
