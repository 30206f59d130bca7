"""Checks that compiled files load on an old glibc, by the versions of the symbols that they use.

check_glibc.py VERSION FILE…    wheels, npm tarballs, and programs
"""

import sys
import tarfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

LIBRARIES = {"libc", "libm", "libdl", "libpthread", "librt", "libutil", "ld-linux-x86-64", "ld-linux-aarch64"}
"""The libraries that are part of glibc."""


def compiled(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The compiled files in a package, or a program itself."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                if name.endswith(".so"):
                    yield name, BytesIO(wheel.read(name))
    elif path.suffix == ".tgz":
        with tarfile.open(path) as tarball:
            for member in tarball:
                if member.name.endswith(".node") and (file := tarball.extractfile(member)):
                    yield member.name, BytesIO(file.read())
    else:
        yield path.name, BytesIO(path.read_bytes())


def needs(file: IO[bytes]) -> tuple[set[str], set[str]]:
    """The libraries that a file needs, and the versions of glibc's symbols."""
    elf = ELFFile(file)
    # The value of a tag is an attribute named after its type.
    tags: list[Any] = [
        tag
        for section in elf.iter_sections()
        if isinstance(section, DynamicSection)
        for tag in section.iter_tags("DT_NEEDED")
    ]
    libraries = {tag.needed for tag in tags}
    versions = {
        version.name
        for section in elf.iter_sections()
        if isinstance(section, GNUVerNeedSection)
        for _, needed in section.iter_versions()
        for version in needed
    }
    return libraries, versions


def number(version: str) -> tuple[int, ...]:
    """A version as a tuple that can be compared."""
    return tuple(map(int, version.split(".")))


def main(oldest: str, *paths: str) -> int:
    wrong, checked = [], 0
    for path in map(Path, paths):
        for name, file in compiled(path):
            checked += 1
            libraries, versions = needs(file)
            known = [version.removeprefix("GLIBC_") for version in versions if version.startswith("GLIBC_2")]
            newest = max(known, key=number, default="none")
            print(f"{path.name}: {name} needs glibc {newest}")
            wrong += [f"{name}: GLIBC_{each}" for each in sorted(known, key=number) if number(each) > number(oldest)]
            wrong += [f"{name}: {each}" for each in sorted(versions) if not each.startswith("GLIBC_2")]
            wrong += [f"{name}: {each}" for each in sorted(libraries) if each.split(".so")[0] not in LIBRARIES]
    if not checked:
        wrong.append("no compiled file to check")
    for each in wrong:
        print(f"not on every system with glibc {oldest}: {each}", file=sys.stderr)
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
