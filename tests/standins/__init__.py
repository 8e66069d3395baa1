"""Stand-ins of model programs: tests only. Each folder is laid out as that model's repository, and is no model.

A stand-in accepts exactly what the real argument parser accepts, fails as the real program fails, writes the same
files and log lines, and makes real videos. It imports nothing of cosmos: it is held against published facts.
"""
