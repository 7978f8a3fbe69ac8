"""Reports on paper: the yearly report as DOCX (``yearly``), the evidence as XLSX (``workbook``)."""
