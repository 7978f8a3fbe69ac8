"""A day as it is written under a notice."""

from datetime import date

_WEEKDAYS = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ Nhật")


def written_day(day: date) -> str:
    """For example "Thứ Sáu, ngày 10 tháng 10 năm 2025"."""
    return f"{_WEEKDAYS[day.weekday()]}, ngày {day.day} tháng {day.month} năm {day.year}"
