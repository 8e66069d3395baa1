"""Machines that run work: the run-directory protocol, over a transport, with a runtime.

Who does what: `layout` names every path, `scripts` builds bash texts (from bash/*.sh), `remote` runs one of
them in one round trip over a `transport`, `parse` reads what it printed, `transfer` moves files, and
`process` puts these together as a `core.ports.Host`.
"""
