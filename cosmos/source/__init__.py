"""Where desired state comes from: the spec files of a working tree (`tree`), or of a commit (`commits`, `mirror`)."""
