"""Model specs that come with the package: one YAML file for each, read like those of a project.

A project's own Model of the same name replaces a built-in one.
"""
