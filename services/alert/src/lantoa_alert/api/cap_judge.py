"""``python -m lantoa_alert.api.cap_judge FILE --now TIME --pin FILE``: the verdict on one CAP message, for any caller.

The verdict is the only line on stdout, the reason goes to stderr. Exit status 0 for ``valid``, 1 for another verdict,
2 when a file or an argument cannot be read.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography.x509 import Certificate

from lantoa_alert.domain.cap import CapRefused
from lantoa_alert.domain.cap_judgement import judge
from lantoa_alert.domain.cap_signature import carried, certificates
from lantoa_runtime.clock import Clock


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset, e.g. 2024-07-03T00:00:00Z")
    return moment


def _pins(file: Path) -> tuple[Certificate, ...]:
    data = file.read_bytes()
    try:
        return certificates(data)
    except ValueError:
        return carried(data)


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge a file; the exit status."""
    parser = argparse.ArgumentParser(prog="cap_judge", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--now", type=_moment, default=Clock().now(), help="RFC 3339; the wall clock when left out")
    parser.add_argument(
        "--pin", type=Path, action="append", default=[], help="a PEM or DER certificate, or a message that carries it"
    )
    given = parser.parse_args(arguments)
    try:
        xml = given.file.read_bytes()
        pinned = [certificate for file in given.pin for certificate in _pins(file)]
    except (OSError, CapRefused) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    judgement = judge(xml, given.now, pinned)
    sys.stdout.write(f"{judgement.verdict}\n")
    if judgement.refusal:
        sys.stderr.write(f"{judgement.refusal}\n")
    return 0 if judgement.verdict == "valid" else 1


if __name__ == "__main__":
    sys.exit(main())
