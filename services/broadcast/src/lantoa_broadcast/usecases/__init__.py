"""What broadcast can do: the programme, rundowns, airings, and pages of them."""
