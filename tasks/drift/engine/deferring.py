"""Import a large package without what its ``__init__`` files collect: every name comes when it is asked for.

``import evidently`` runs its interface, its language models and 1,200 modules more, of which a snapshot needs 90. Most
of its packages only gather names from their modules: such a package need not gather before somebody asks.
"""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import InspectLoader, Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import resolve_name
from types import ModuleType
from typing import Any


@contextmanager
def deferred(root: str) -> Iterator[None]:
    """Packages below ``root`` that are imported for the first time in this block gather their names on demand.

    They stay so, and behave as ever: ``from package import name`` imports the module that has the name. A package
    whose ``__init__`` does more than gather is imported as usual. The garbage collector rests meanwhile: an import
    makes many objects and no garbage.

    >>> with deferred("email"):
    ...     from email import message_from_string
    >>> message_from_string("a: b")["a"]
    'b'
    """
    finder, collecting = _Finder(root), gc.isenabled()
    sys.meta_path.insert(0, finder)
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
        sys.meta_path.remove(finder)


class _Gathering(ModuleType):
    """A package whose names are in other modules."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.origins: Mapping[str, tuple[str, str]] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in self.origins:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        module, original = self.origins[name]
        try:
            # Of the package itself it can only be a module, or the question would come back here.
            value = getattr(import_module(module), original) if module != self.__name__ else None
        except AttributeError:
            value = None
        if value is None:
            value = import_module(f"{module}.{original}")
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.origins})


class _Loader(Loader):
    def __init__(self, ordinary: InspectLoader) -> None:
        self.ordinary = ordinary

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Gathering(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        origins = _gathered(self.ordinary.get_source(module.__name__) or "", module.__name__)
        if origins is None:
            self.ordinary.exec_module(module)
        else:
            module.__dict__.update(origins=origins, __all__=list(origins))


class _Finder(MetaPathFinder):
    def __init__(self, root: str) -> None:
        self.root = root

    def find_spec(self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if name.partition(".")[0] != self.root:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.submodule_search_locations is not None and isinstance(spec.loader, InspectLoader):
            spec.loader = _Loader(spec.loader)
        return spec


def _gathered(source: str, package: str) -> dict[str, tuple[str, str]] | None:
    r"""Name: (module, name there) of an ``__init__`` that only gathers; ``None`` for one that does more.

    >>> _gathered("from .box import Box as B\nfrom . import lid", "shop")
    {'B': ('shop.box', 'Box'), 'lid': ('shop', 'lid')}
    >>> _gathered("import sys", "shop") is None
    True
    """
    origins: dict[str, tuple[str, str]] = {}
    for statement in ast.parse(source).body:
        match statement:
            case ast.ImportFrom(names=names) if all(alias.name != "*" for alias in names):
                relative = "." * statement.level + (statement.module or "")
                module = resolve_name(relative, package)
                origins |= {alias.asname or alias.name: (module, alias.name) for alias in names}
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                continue
            case _:
                return None
    return origins
