"""One module a schema version. A version that has been released is never edited."""
