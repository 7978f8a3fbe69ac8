"""Every address given answers 200: through its Service, with NATS, database and durables behind it."""
# ruff: noqa: INP001, S310 - a program, not a package; the addresses are the chart's own

import sys
import urllib.error
import urllib.request

broken = []
for address in sys.argv[1:]:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            sys.stdout.write(f"{address} {answer.status}\n")
    except urllib.error.HTTPError as error:
        broken.append(f"{address} {error.code} {error.read().decode(errors='replace')}")
    except OSError as error:
        broken.append(f"{address} {error}")
if broken or len(sys.argv) == 1:
    sys.exit("\n".join(broken) or "no address given")
