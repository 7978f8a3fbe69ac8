"""Devices by the thousand in one process, with the real protocol: for benches, tests and `lantoa fleet simulate`."""
