"""Stand-ins of Cosmos-Transfer2.5 and Cosmos-Predict2.5: `transfer/` and `predict/` are their repositories.

A host mounts `tests/standins` as `/standins/tests/standins`. They fail as the real ones do when a prompt has one of the
words of `program.Trouble`, and without HF_TOKEN. `bin/` has `python` and `torchrun`.
"""
