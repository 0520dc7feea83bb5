"""Helpers of the tests, by subject. A failed assertion in them shows its values, as in a test module."""

import pkgutil

import pytest

pytest.register_assert_rewrite(*(module.name for module in pkgutil.iter_modules(__path__, f"{__name__}.")))
