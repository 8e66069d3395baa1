"""GitOps for AI video generation: specs in git, a reconciler, GPU hosts. See docs/architecture.md."""
