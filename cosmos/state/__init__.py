"""The database: what was intended, what is done, what people asked, and where each run stood last.

`database` opens it, `records` and `facts` are what the engine is given, `quick` reads statuses without
SQLAlchemy, `lock` keeps a second controller out. Nothing is imported here: `quick` must stay cheap.
"""
