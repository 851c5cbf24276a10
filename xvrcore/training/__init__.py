"""How a network is made: synthetic X-rays of this very patient teach it to tell the pose of a real one."""
