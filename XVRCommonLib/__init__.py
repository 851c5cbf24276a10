"""What both Slicer modules use: volumes and X-rays of the scene, the computing thread, the packages that it needs."""
