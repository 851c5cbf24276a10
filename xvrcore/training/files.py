"""What training leaves in its job folder."""

STATE, NETWORK, START = "state.pt", "network.safetensors", "start.safetensors"
VIEWS, SAMPLES = "views.png", "samples.png"
"""Pictures: what a network is taught, and how well it sees unseen X-rays."""
