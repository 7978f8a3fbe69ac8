"""Items, revisions, renditions, approval."""
