"""Slice, 3D, plot and table views on Slicer's own displayable managers, rendered offscreen, and their layout."""
