"""Reports on paper: the yearly report as DOCX, the evidence as XLSX."""

from lantoa_reporting.adapters.paper.workbook import EvidenceBook
from lantoa_reporting.adapters.paper.yearly import write_yearly

__all__ = ["EvidenceBook", "write_yearly"]
