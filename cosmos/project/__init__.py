"""One open project: built in `wiring`, asked in `asking`, `plans` and `reading`, ordered about in `requests`."""
