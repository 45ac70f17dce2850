"""A Python with this folder first on its path makes two takes for each that is kept, not two dozen (`conftest.few_candidates`)."""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

NAME = "dance2music.takes.ranking"


class Few(MetaPathFinder, Loader):
    """Changes the module of the ranking as it is imported: importing it here would bring torch into every process."""

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path, target) if fullname == NAME else None
        if found is not None and found.loader is not None:
            self.real, found.loader = found.loader, self
        return found

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self.real.exec_module(module)
        module.candidates_for = lambda *_: 2  # type: ignore[attr-defined]


sys.meta_path.insert(0, Few())
