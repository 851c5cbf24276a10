"""What training leaves in its job folder."""

STATE, NETWORK, VIEWS, START = "state.pt", "network.safetensors", "views.png", "start.safetensors"
