"""What content reaches outside itself: the speech process, the sound encoder, storage."""
