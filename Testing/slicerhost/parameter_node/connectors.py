"""Which widget can show a parameter of which type, and how; exactly the pairs that Slicer knows."""

import enum
import pathlib
from dataclasses import dataclass

import slicer

from .serializers import split_annotations
from .validators import Choice, Maximum, Minimum, WithinRange


@dataclass
class Decimals:
    """Annotation: digits after the point in spin boxes and sliders."""

    value: int


@dataclass
class SingleStep:
    """Annotation: the step of spin boxes and sliders."""

    value: float


class Connector:
    """Reads and writes one widget, and calls back when the user changes it; RuntimeError if they do not fit."""

    def __init__(self, widget, hint):
        self.widget, self.callback = widget, None
        self.kind, self.notes = split_annotations(hint)
        self._setup()

    def start(self, callback):
        self.callback = callback
        self.signal.connect(self._changed)

    def stop(self):
        self.signal.disconnect(self._changed)
        self.callback = None

    def _changed(self, *_):
        if self.callback is not None:
            self.callback()

    def read(self):
        return self._read()

    def write(self, value):
        self._write(value)

    def _note(self, kind):
        return next((note for note in self.notes if isinstance(note, kind)), None)

    def _setup(self):
        import ctk
        import qt

        setups = {
            (bool, qt.QCheckBox): lambda: self._property("checked", "toggled"),
            (bool, qt.QPushButton): self._push_button,
            (int, qt.QSlider): self._bounded,
            (int, qt.QSpinBox): self._bounded,
            (float, qt.QDoubleSpinBox): self._bounded,
            (float, ctk.ctkSliderWidget): self._bounded,
            (str, qt.QLineEdit): lambda: self._property("text", "textChanged"),
            (str, qt.QTextEdit): self._text_edit,
            (pathlib.Path, ctk.ctkPathLineEdit): lambda: self._path("currentPath", "currentPathChanged"),
            (pathlib.Path, ctk.ctkDirectoryButton): lambda: self._path("directory", "directoryChanged"),
        }
        widget_type, setup = type(self.widget), setups.get((self.kind, type(self.widget)))
        if setup is None and widget_type is qt.QComboBox:
            setup = self._combo
        if setup is None and widget_type is slicer.qMRMLNodeComboBox and issubclass(self.kind, slicer.vtkMRMLNode):
            setup = self._node
        if setup is None:
            raise RuntimeError(f"Unable to create GUI connector from {self.kind} to widget type {widget_type}")
        setup()

    def _property(self, name, signal):
        self.signal = getattr(self.widget, signal)
        self._read = lambda: getattr(self.widget, name)
        self._write = lambda value: setattr(self.widget, name, value)

    def _push_button(self):
        self.widget.checkable = True
        self._property("checked", "toggled")

    def _bounded(self):
        for note, name in ((self._note(Decimals), "decimals"), (self._note(SingleStep), "singleStep")):
            if note is not None:
                setattr(self.widget, name, note.value)
        span, low, high = self._note(WithinRange), self._note(Minimum), self._note(Maximum)
        if (
            span is None
            and (low is None or high is None)
            and type(self.widget).__name__ in ("QSlider", "ctkSliderWidget")
        ):
            raise RuntimeError("Cannot have a connection to a slider where the type is unbounded.")
        infinite = 2**31 - 1 if self.kind is int else float("inf")
        self.widget.minimum = self.kind(span.minimum if span else low.minimum if low else -infinite)
        self.widget.maximum = self.kind(span.maximum if span else high.maximum if high else infinite)
        self._property("value", "valueChanged")

    def _text_edit(self):
        self.signal = self.widget.textChanged
        self._read, self._write = self.widget.toPlainText, self.widget.setPlainText

    def _path(self, name, signal):
        self.signal = getattr(self.widget, signal)
        self._read = lambda: pathlib.Path(getattr(self.widget, name))
        self._write = lambda value: setattr(self.widget, name, str(value))

    def _node(self):
        self.widget.nodeTypes = (self.kind.__name__,)
        self.signal = self.widget.currentNodeChanged
        self._read, self._write = self.widget.currentNode, self.widget.setCurrentNode

    def _combo(self):
        """Enum members by name (or by `label()`), or the values of a Choice."""
        if issubclass(self.kind, enum.Enum):
            values = list(self.kind)
            labels = [v.label() if hasattr(v, "label") else v.name for v in values]
        elif self._note(Choice) is not None:
            values = list(self._note(Choice).choices)
            labels = [str(v) for v in values]
        else:
            raise RuntimeError("a combo box needs an Enum or the Choice annotation")
        self.widget.clear()
        self.widget.addItems(labels)
        self.signal = self.widget.currentIndexChanged
        self._read = lambda: values[self.widget.currentIndex]
        self._write = lambda value: setattr(self.widget, "currentIndex", values.index(value))
