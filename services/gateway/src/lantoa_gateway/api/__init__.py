"""The doors: the proxy, sign-in, media, the console, and the guard in front of all."""
