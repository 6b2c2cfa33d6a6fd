"""Every benchmark can be started: what it takes from the product is still there."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import bench

NAMES = sorted(each.name for each in pkgutil.iter_modules(bench.__path__))


@pytest.mark.parametrize("name", NAMES)
def test_a_module_is_imported_and_names_nothing_that_is_gone(name: str) -> None:
    module = importlib.import_module(f"bench.{name}")
    source = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    used = {
        (node.value.id, node.attr)
        for node in ast.walk(source)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    modules = {key: value for key, value in vars(module).items() if isinstance(value, ModuleType)}
    gone = [f"{of}.{what}" for of, what in used if of in modules and not hasattr(modules[of], what)]
    assert gone == []
