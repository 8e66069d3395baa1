"""Machines reached over SSH. `transport` is what the rest of `hosts` uses; `manager` has the connection."""
