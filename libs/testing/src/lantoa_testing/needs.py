"""What the tests need from the machine beside Python: named in a sentence when it is missing, never skipped."""

import os
import shutil
import subprocess
import sys

from lantoa_cli.layout import chromium

_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


def missing() -> list[str]:
    """A sentence for each thing that is not there."""
    found = []
    if not chromium():
        found.append("Chromium is missing: install the package chromium (the board and the pages are tested in it).")
    fonts = (
        subprocess.run(["fc-list", ":lang=vi"], capture_output=True, text=True, check=False)
        if shutil.which("fc-list")
        else None
    )
    if fonts is None or not fonts.stdout.strip():
        found.append("No font with Vietnamese letters: install the packages fontconfig and fonts-noto-core.")
    if not shutil.which("promtool"):
        found.append(
            "promtool is missing: install the package prometheus (alert rules and dashboards are tested with it)."
        )
    if not shutil.which("mosquitto_pub"):
        found.append(
            "mosquitto_pub is missing: install the package mosquitto-clients (devices on MQTT are tested with it)."
        )
    if os.getuid() and subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode:
        found.append(f"Without root `{' '.join(_NAMESPACE)}` must be allowed (full disks are tested on a mount).")
    return found


if __name__ == "__main__":
    for sentence in missing():
        sys.stderr.write(f"{sentence}\n")
    sys.exit(1 if missing() else 0)
