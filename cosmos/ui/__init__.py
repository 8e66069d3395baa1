"""The page: thin. `server` is the program, `pages` has one module a page, `rows` makes what they show."""
