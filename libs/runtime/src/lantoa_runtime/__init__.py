"""The chassis every service stands on."""

import gc

__version__ = "0.1.0"

# To load a service makes hundreds of thousands of objects that stay: looking for dead ones among them at every 700th is
# up to a tenth of its start.
gc.set_threshold(50_000, 20, 100)
