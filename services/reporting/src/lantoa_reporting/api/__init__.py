"""Reporting's HTTP API."""

from lantoa_reporting.api.papers import papers_router
from lantoa_reporting.api.reports import router

__all__ = ["papers_router", "router"]
