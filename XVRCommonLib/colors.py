"""The colors in which the panels say how something stands, always beside words."""

GOOD, DOUBTFUL, BAD, BUSY = "#1e7b34", "#a86400", "#a12622", "#1d5fa8"
MISSING_STYLE = "background-color: #8a5a00; color: white"
"""Of a field that has to be filled in."""


def showColored(label, words, color=""):
    """Put words on a label, on one of these colors or on none."""
    label.text = words
    label.styleSheet = f"background-color: {color}; color: white; padding: 4px" if color else ""
