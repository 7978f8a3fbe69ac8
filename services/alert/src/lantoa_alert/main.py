"""Alert, put together."""

from lantoa_alert import consumers
from lantoa_alert.settings import AlertSettings
from lantoa_runtime.service import Service, service_main


def build(service: Service[AlertSettings]) -> None:
    """Hang alert's routes, handlers and jobs on its service."""
    service.without_database = True
    consumers.register(service.bus)


main = service_main("alert", AlertSettings, build)

if __name__ == "__main__":
    main()
