"""What tests use: the mouse and keyboard, waiting, pictures, event-loop gaps, leak checks."""

from ..sample_data import press_button as press_sample_button
from .clock import own_time_s
from .gaps import EventLoopGaps
from .keyboard import choose, type_text
from .leaks import Leftovers
from .mouse import click, click_cell, drag, drag_slider, drop_files, select_node
from .pictures import save_panel, save_view, save_window
from .sources import source_mistakes
from .waiting import wait_until

__all__ = [
    "EventLoopGaps",
    "Leftovers",
    "choose",
    "click",
    "click_cell",
    "drag",
    "drag_slider",
    "drop_files",
    "own_time_s",
    "press_sample_button",
    "save_panel",
    "save_view",
    "save_window",
    "select_node",
    "source_mistakes",
    "type_text",
    "wait_until",
]
