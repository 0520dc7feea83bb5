"""Marks for single cases of a parametrized test."""

from typing import Any

import pytest


def slow(*cases: Any) -> list[Any]:
    """The cases, left out of `make check`. A case of several values is a tuple."""
    return [pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow) for case in cases]
