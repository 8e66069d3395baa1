"""Pure: no clock, no I/O, no chance. Values in, values out; see docs/architecture.md."""
