"""What can go wrong for the operator."""


class Refused(Exception):
    """A service refused the operator; the message is its own words."""
