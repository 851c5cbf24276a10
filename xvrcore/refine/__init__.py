"""Local optimization of a pose from where it stands."""
