"""cosmos daemon: watch mode. It keeps a project as its specs ask for, and says how it is."""
