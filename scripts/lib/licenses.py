#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the licences of everything that is linked into the program: their texts must travel with it.

Reads what `cargo metadata` prints from stdin. Texts that several packages share are printed once.
"""

import json
import sys
from pathlib import Path

# Files of the C libraries, below the package that bundles them.
BUNDLED = {
    "rdkafka-sys": ["librdkafka/LICENSES.txt"],
    "openssl-src": ["openssl/LICENSE.txt"],
    "libmimalloc-sys": ["c_src/mimalloc/v3/LICENSE"],
    "libz-sys": ["src/zlib/LICENSE"],
    "zstd-sys": ["zstd/LICENSE"],
}
NAMES = ("license", "licence", "copying", "notice", "copyright")


def linked(metadata):
    """The packages that the program is made of: everything but what only tests need."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    found, waiting = set(), [metadata["resolve"]["root"]]
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.add(package)
            for dependency in nodes[package]["deps"]:
                if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]):
                    waiting.append(dependency["pkg"])
    found.remove(metadata["resolve"]["root"])
    packages = [package for package in metadata["packages"] if package["id"] in found]
    return sorted(packages, key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The licence files of a package and of what it bundles."""
    directory = Path(package["manifest_path"]).parent
    files = [file for file in directory.iterdir() if file.is_file() and file.name.lower().startswith(NAMES)]
    files += [directory / name for name in BUNDLED.get(package["name"], [])]
    for file in sorted(files):
        if file.exists():
            yield file.relative_to(directory), file.read_text(encoding="utf-8", errors="replace").strip()


def main():
    packages = linked(json.load(sys.stdin))
    print("kafka-shell-spout is linked with the following packages. The texts of their licences are below.\n")
    print("The Rust standard library: MIT OR Apache-2.0")
    users = {}
    for package in packages:
        print(f"{package['name']} {package['version']}: {package['license'] or 'see below'}")
        for name, text in texts(package):
            users.setdefault(text, []).append(f"{package['name']} {package['version']}, {name}")
    for text, names in users.items():
        print("\n" + "=" * 80)
        print("\n".join(names))
        print("-" * 80)
        print(text)


main()
