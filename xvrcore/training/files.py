"""What training leaves in its job folder."""

STATE, NETWORK, VIEWS = "state.pt", "network.safetensors", "views.png"
