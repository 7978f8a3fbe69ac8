"""What crosses a boundary: events, device messages, streams and their schemas."""
