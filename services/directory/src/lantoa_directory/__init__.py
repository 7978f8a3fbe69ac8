"""Units, bodies, people, roles, sign-in."""
