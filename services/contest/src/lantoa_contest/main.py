"""Contests."""

from lantoa_runtime.service import Service, service_main
from lantoa_runtime.settings import RuntimeSettings


def build(service: Service[RuntimeSettings]) -> None:
    """Hang the contest's routes on its service."""


main = service_main("contest", RuntimeSettings, build)

if __name__ == "__main__":
    main()
