"""Measured figures beside their budgets: `python -m benchmarks [GROUP...]`. No test depends on them."""
