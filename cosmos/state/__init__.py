"""The database: what was intended, what is done, what people asked, and where each run stood last.

`database` opens it, `records` and `facts` are what the engine is given, `quick` reads statuses without
SQLAlchemy, `lease` keeps a second controller out (`process` says who has it). Nothing is imported here: `quick`
must stay cheap.
"""
