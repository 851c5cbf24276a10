"""What is kept in the application's settings, as JSON."""

import json

import slicer


def load(key, default):
    """The content of a key; ``default`` where nothing was kept, or what was kept is damaged."""
    try:
        return json.loads(slicer.app.settings().value(key))
    except (TypeError, ValueError):
        return default


def save(key, content):
    slicer.app.settings().setValue(key, json.dumps(content))
