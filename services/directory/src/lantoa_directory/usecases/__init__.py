"""What the directory can do: find and load units and people, sign people in and out."""
