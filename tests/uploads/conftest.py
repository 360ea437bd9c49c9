"""The worker of the tests of datasets."""

from tests.datasets.conftest import work

__all__ = ["work"]
