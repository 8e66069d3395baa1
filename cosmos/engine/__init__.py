"""The imperative shell: look, ask the core, do what the plan says. Knows ports, never what is behind them."""
