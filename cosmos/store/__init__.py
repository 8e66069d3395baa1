"""Files on this machine: the content-addressed store, the outputs folder that is a view of it, and inputs."""
