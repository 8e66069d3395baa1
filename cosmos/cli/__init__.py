"""The command line: words in, CosmosAPI asked, rows out. Begins in `main`."""
