"""Metrics of content."""

from prometheus_client import Counter, Histogram

RENDER_SECONDS = Histogram(
    "lantoa_content_render_seconds",
    "Time to make the renditions of one revision",
    buckets=(0.25, 0.5, 1, 2, 4, 8, 16, 32, 64),
)
RENDERS = Counter("lantoa_content_renders_total", "Revisions that were to be rendered", ["outcome"])
"""Outcomes: rendered; failed, which the author is told; obsolete, because it was edited or is done; retried."""
PICTURES = Counter("lantoa_content_pictures_total", "Pictures that were sent for items", ["outcome"])
"""Outcomes: taken; refused, for what the file is; retried, because there was no time or no process for it."""
POST_LOOKS = Counter("lantoa_content_post_looks_total", "Looks at posts from outside, by what was found", ["outcome"])
"""Findings: as-approved, changed, gone, unreachable."""
SEARCH_SECONDS = Histogram(
    "lantoa_content_search_seconds",
    "Time to find one page of a search",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
SEARCHES = Counter("lantoa_content_searches_total", "Searches on the public pages, by what they found", ["outcome"])
"""Outcomes: found; nothing; no-words, because nothing was asked for."""
