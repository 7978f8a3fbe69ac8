"""Ways to keep secrets and to hand them out."""
