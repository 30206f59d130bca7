"""Checks the arrows between the modules of the Rust crates. Part of ``make lint``.

- No circle: of the modules that a module declares, none uses another that uses it back, directly or through others.
  What a module defines in its own file may be used by every module below it.
- One verify: in the core, one function selects the limit of a key, and one module acquires permits of it. A second
  pipeline would have to do the same.

Code that is compiled for tests alone is left out.
"""

import re
import sys
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).resolve().parent.parent
CRATES = ("core/src", "server/src", "gen/src", "bindings-python/src", "bindings-node/src")


@dataclass(frozen=True)
class OneCaller:
    """A call that has one caller: a function, or a module. Some modules are left out, because they are called."""

    call: str
    of: str
    left_out: tuple[str, ...] = ()


ONE_VERIFY = {
    "the limit of a key is selected": OneCaller(
        r"\bendpoint\s*\.choose\(", "function", ("limit", "vectors", "verify::compiled")
    ),
    "the slot of a key is named": OneCaller(r"\bendpoint\s*\.slot\(", "module"),
    "the counters are used": OneCaller(r"\bcounters\s*\.(?:acquire|ask)\(", "module", ("counters", "vectors")),
}
"""The steps of a verification."""

ALLOWED = {
    # An engine and what is written over it: the engine has the session, the row and the error, and its transactions
    # hand out the rows.
    ("core/src", "store::driver"),
}
"""The modules in which a circle is right."""

Name: TypeAlias = tuple[str, ...]
"""The path of a module or an item from the root of its crate."""

NO_CODE = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | b?r(?P<hashes>\#*)".*?"(?P=hashes) | b?"(?:\\.|[^"\\])*"
    | b?'(?:\\.[^'\n]*|[^\\'\n])'""",
    re.DOTALL | re.VERBOSE,
)
TEST = re.compile(r"#\[cfg\((?:test|all\(test\b[^\]]*)\)\]")
VISIBILITY = re.compile(r"\bpub\([^)]*\)")
MODULE = re.compile(r"\bmod (\w+) \{")
USE = re.compile(r"\buse ([^;]+);")
PATH = re.compile(r"\b(?:crate|super|self)(?:::\w+)+")
KINDS = "fn|struct|enum|trait|type|const|static|union|mod"
ITEM = re.compile(rf"^(?:pub )?(?:const |async |unsafe )*(?:{KINDS}) (\w+)", re.MULTILINE)


def plain(source: str) -> str:
    """The code without comments, the contents of texts, and what only tests have. Lines keep their numbers."""
    code = NO_CODE.sub(lambda found: "\n" * found[0].count("\n"), source)
    code = VISIBILITY.sub("pub", code)
    while found := TEST.search(code):
        end = end_of_item(code, found.end())
        code = code[: found.start()] + "\n" * code.count("\n", found.start(), end) + code[end:]
    return code


def end_of_item(code: str, start: int) -> int:
    """The position behind the item at ``start``: behind its ``;`` or its last brace."""
    depth = 0
    for at in range(start, len(code)):
        if code[at] in "{[(":
            depth += 1
        elif code[at] in ")]}":
            depth -= 1
            if depth < 0:
                return at
            if depth == 0 and code[at] == "}" and not code[at + 1 :].lstrip().startswith(";"):
                return at + 1
        elif code[at] == ";" and depth == 0:
            return at + 1
    return len(code)


def names_of(tree: str) -> Iterator[tuple[Name, str]]:
    """The paths that a ``use`` brings in, each with the name that it gets here."""
    head, brace, rest = tree.strip().partition("{")
    before: Name = tuple(filter(None, (part.strip() for part in head.split("::"))))
    if not brace:
        path, _, alias = head.partition(" as ")
        name = tuple(part.strip() for part in path.split("::") if part.strip())
        yield (name[:-1] if name[-1:] == ("self",) and len(name) > 1 else name), alias.strip()
        return
    depth, part = 0, ""
    for character in rest.rstrip().removesuffix("}") + ",":
        if character == "," and depth == 0:
            if part.strip():
                yield from ((join(before, name), alias) for name, alias in names_of(part))
            part = ""
            continue
        depth += {"{": 1, "}": -1}.get(character, 0)
        part += character


def join(before: Name, name: Name) -> Name:
    return before if name == ("self",) else before + name


@dataclass
class Module:
    """What the file of a module says of other modules."""

    file: str
    uses: list[tuple[Name, int]] = field(default_factory=list)
    names: dict[str, Name] = field(default_factory=dict)
    globs: list[Name] = field(default_factory=list)
    items: set[str] = field(default_factory=set)
    code: str = ""


class Crate:
    """The modules of a crate, and which module uses which."""

    def __init__(self, folder: Path) -> None:
        self.modules: dict[Name, Module] = {}
        # Of a crate with both, main.rs only starts what lib.rs declares.
        paths = sorted(folder.rglob("*.rs"), key=lambda path: (path.name != "main.rs", path))
        sources = {self.name_of(path.relative_to(folder)): path for path in paths}
        codes = {name: plain(path.read_text(encoding="utf-8")) for name, path in sources.items()}
        for name, code in codes.items():
            if all(re.search(rf"\bmod {part}\b", codes.get(name[:depth], "")) for depth, part in enumerate(name)):
                self.read(name, code, str(sources[name].relative_to(folder.parent.parent)))

    @staticmethod
    def name_of(path: Path) -> Name:
        parts = path.with_suffix("").parts
        return () if parts in {("lib",), ("main",)} else tuple(part for part in parts if part != "mod")

    def read(self, name: Name, code: str, file: str, line: int = 0) -> None:
        while found := MODULE.search(code):
            end = end_of_item(code, found.start())
            self.read((*name, found[1]), code[found.end() : end - 1], file, line + code.count("\n", 0, found.end()))
            code = code[: found.start()] + "\n" * code.count("\n", found.start(), end) + code[end:]
        module = self.modules.setdefault(name, Module(file))
        module.items.update(ITEM.findall(code))
        module.code = code
        for use in USE.finditer(code):
            for path, alias in names_of(use[1]):
                self.add(name, module, path, alias, line + code.count("\n", 0, use.start()) + 1)
        code = USE.sub(lambda use: "\n" * use[0].count("\n"), code)
        for inline in PATH.finditer(code):
            at = line + code.count("\n", 0, inline.start()) + 1
            module.uses.append((self.from_root(name, tuple(inline[0].split("::"))), at))

    def add(self, name: Name, module: Module, path: Name, alias: str, line: int) -> None:
        whole = self.from_root(name, path)
        if whole[-1:] == ("*",):
            module.globs.append(whole[:-1])
            whole = whole[:-1]
        else:
            module.names[alias or path[-1]] = whole
        module.uses.append((whole, line))

    @staticmethod
    def from_root(name: Name, path: Name) -> Name:
        """A path from the root. Without ``crate``, ``self`` and ``super`` it is of a child, or of another crate."""
        if path[0] == "crate":
            return path[1:]
        while path and path[0] in {"self", "super"}:
            name = name[:-1] if path[0] == "super" else name
            path = path[1:]
        return name + path

    def owner(self, path: Name, seen: frozenset[Name] = frozenset()) -> Name:
        """The module that defines what is at ``path``; the module's own name if it is one."""
        for depth in range(1, len(path) + 1):
            if path[:depth] in self.modules:
                continue
            at, item, rest = path[: depth - 1], path[depth - 1], path[depth:]
            module = self.modules[at]
            if item in module.items or path[:depth] in seen:
                return at
            if item in module.names:
                return self.owner(module.names[item] + rest, seen | {path[:depth]})
            for glob in module.globs:
                if glob in self.modules and (found := self.owner((*glob, item, *rest), seen | {path[:depth]})) != glob:
                    return found
                if glob in self.modules and item in self.modules[glob].items:
                    return glob
            return at
        return path

    def arrows(self) -> dict[Name, dict[str, dict[str, str]]]:
        """For each module, which of the modules that it declares uses which other, and where."""
        arrows: dict[Name, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
        for name, module in self.modules.items():
            for path, line in module.uses:
                target = self.owner(path)
                common = next((at for at, pair in enumerate(zip(name, target)) if pair[0] != pair[1]), None)  # noqa: B905
                if common is not None:
                    where = f"{module.file}:{line}"
                    arrows[name[:common]][name[common]].setdefault(target[common], where)
        return arrows


def circles(crate: Crate, allowed: Iterable[str] = ()) -> Iterator[str]:
    """The shortest circle through each module that is in one, once; not in the modules that are allowed to have one."""
    for parent, arrows in sorted(crate.arrows().items()):
        if "::".join(parent) in allowed:
            continue
        known: set[str] = set()
        for start in sorted(arrows):
            circle = [] if start in known else shortest(arrows, start)
            known.update(circle)
            if circle:
                steps = zip(circle, [*circle[1:], start], strict=True)
                where = "; ".join(f"{arrows[one][other]} uses {other}" for one, other in steps)
                yield f"a circle of modules in {'::'.join(('crate', *parent))}: {' → '.join([*circle, start])}: {where}"


def callers(crate: Crate, one: OneCaller) -> Iterator[str]:
    """The functions or modules that contain a call."""
    for name, module in crate.modules.items():
        path = "::".join(name)
        if one.left_out and f"{path}::".startswith(tuple(f"{each}::" for each in one.left_out)):
            continue
        for call in re.finditer(one.call, module.code):
            before = re.findall(r"\bfn (\w+)", module.code[: call.start()])
            yield f"{path}::{before[-1]}" if one.of == "function" and before else path


def pipelines(crate: Crate) -> Iterator[str]:
    """The steps of a verification that more than one function or module takes, or none."""
    for step, one in ONE_VERIFY.items():
        found = sorted(set(callers(crate, one)))
        if len(found) != 1:
            yield f"{step} in {' and '.join(found) or f'no {one.of}'}: one {one.of} must do it"


def shortest(arrows: dict[str, dict[str, str]], start: str) -> list[str]:
    """The shortest way from a module back to itself; empty if there is none."""
    ways = deque([[start]])
    seen = {start}
    while ways:
        way = ways.popleft()
        for following in sorted(arrows.get(way[-1], {})):
            if following == start:
                return way
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def main() -> int:
    crates = {folder: Crate(ROOT / folder) for folder in CRATES}
    wrong: list[str] = []
    for folder, crate in crates.items():
        allowed = [module for of, module in ALLOWED if of == folder]
        wrong += [f"{folder}: {each}" for each in circles(crate, allowed)]
    wrong += [f"core/src: {each}" for each in pipelines(crates["core/src"])]
    for each in wrong:
        print(each, file=sys.stderr)
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main())
