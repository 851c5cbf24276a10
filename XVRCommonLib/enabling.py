"""Widgets that cannot be used say why."""

TIP = "tip"
"""Dynamic property of a widget: its tooltip while it can be used, as its .ui has it."""


def enable(widget, why=""):
    """Enable a widget, or, where there is a reason not to, say that in its tooltip instead of its own."""
    tip = widget.property(TIP)
    if tip is None:
        tip = widget.toolTip
        widget.setProperty(TIP, tip)
    widget.enabled = not why
    widget.toolTip = why or tip
