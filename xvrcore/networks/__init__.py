"""Networks that tell a pose from an X-ray: what they see, what they are made of, and how they speak of poses."""
