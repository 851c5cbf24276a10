"""ctkSliderWidget, qMRMLSliderWidget, ctkDoubleSlider, ctkDoubleSpinBox, ctkRangeWidget, ctkCoordinatesWidget."""

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Signal

from .base import SceneObserver, computed, forwarded, prop, row, stand_in

STEPS = 10000  # resolution of a slider's handle


@stand_in()
class ctkDoubleSpinBox(QtWidgets.QDoubleSpinBox):
    pass


class _ScaledSlider(QtWidgets.QSlider):
    """An integer slider over a range of floats."""

    def __init__(self, orientation, parent=None):
        super().__init__(orientation, parent)
        self._low, self._high = 0.0, 99.0
        self.setRange(0, STEPS)

    def to_float(self, position):
        return self._low + (self._high - self._low) * position / STEPS

    def to_position(self, value):
        span = self._high - self._low
        return round(STEPS * (value - self._low) / span) if span else 0

    def show_value(self, value):
        was_blocked = self.blockSignals(True)
        self.setValue(self.to_position(value))
        self.blockSignals(was_blocked)


class _SliderWidget(QtWidgets.QWidget):
    """Slider and spin box over one value. Without `tracking` the value changes when the handle is let go."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)

    value = computed(float, lambda s: s._box.value, lambda s, v: s._set_value(v))
    minimum = computed(float, lambda s: s._box.minimum, lambda s, v: s._range(v, max(v, s._box.maximum)))
    maximum = computed(float, lambda s: s._box.maximum, lambda s, v: s._range(min(v, s._box.minimum), v))
    singleStep = forwarded(float, "_box", "singleStep")
    decimals = forwarded(int, "_box", "decimals")
    suffix = forwarded(str, "_box", "suffix")
    prefix = forwarded(str, "_box", "prefix")
    pageStep = prop(float, "pageStep", 10.0)
    tracking = prop(bool, "tracking", True)
    spinBoxVisible = computed(bool, lambda s: not s._box.isHidden(), lambda s, v: s._box.setVisible(v))

    def __init__(self, parent=None):
        super().__init__(parent)
        self._slider = _ScaledSlider(QtCore.Qt.Horizontal)
        self._box = QtWidgets.QDoubleSpinBox()
        self._box.setRange(0.0, 99.0)
        self._box.valueChanged.connect(self._on_box)
        self._slider.valueChanged.connect(self._on_slider)
        self._slider.sliderReleased.connect(self._on_released)
        row(self, (self._slider, 1), self._box)

    def _set_value(self, value):
        if value != self._box.value:  # setting the same value would change the text under the typing hand
            self._box.setValue(value)

    def _on_box(self, value):
        self._slider.show_value(value)
        self.valueChanged.emit(value)

    def _on_slider(self, position):
        value = self._slider.to_float(position)
        self.valueIsChanging.emit(value)
        if self.tracking or not self._slider.isSliderDown():
            self._box.setValue(value)

    def _on_released(self):
        self._box.setValue(self._slider.to_float(self._slider.sliderPosition))

    def _range(self, low, high):
        value = self._box.value
        self._slider._low, self._slider._high = float(low), float(high)
        self._box.setRange(low, high)
        self._slider.show_value(self._box.value if self._box.value != value else value)

    def setRange(self, low, high):
        self._range(low, high)

    def spinBox(self):
        return self._box

    def slider(self):
        return self._slider


@stand_in()
class ctkSliderWidget(_SliderWidget):
    pass


@stand_in()
class qMRMLSliderWidget(_SliderWidget, SceneObserver):
    """A slider in the scene's units: the suffix "mm" appears only once the scene is set."""

    quantity = prop(str, "quantity", "")

    def _scene_changed(self):
        if self._scene is not None and self.quantity == "length":
            self._box.suffix = "mm"


@stand_in()
class ctkDoubleSlider(QtWidgets.QWidget):
    valueChanged = Signal(float)
    sliderReleased = Signal()

    def __init__(self, *arguments):
        orientation = next((a for a in arguments if isinstance(a, QtCore.Qt.Orientation)), QtCore.Qt.Horizontal)
        parent = next((a for a in arguments if isinstance(a, QtWidgets.QWidget)), None)
        super().__init__(parent)
        self._slider, self._value = _ScaledSlider(orientation), 0.0
        self._slider.valueChanged.connect(lambda position: self._assign(self._slider.to_float(position)))
        self._slider.sliderReleased.connect(self.sliderReleased)
        row(self, self._slider)

    def _assign(self, value):
        value = min(max(float(value), self._slider._low), self._slider._high)
        if value == self._value:
            return
        self._value = value
        if not self._slider.isSliderDown():
            self._slider.show_value(value)
        self.valueChanged.emit(value)

    def _range(self, low, high):
        self._slider._low, self._slider._high = float(low), float(high)
        self._assign(self._value)
        self._slider.show_value(self._value)

    value = computed(float, lambda self: self._value, lambda self, v: self._assign(v))
    minimum = computed(float, lambda self: self._slider._low, lambda self, v: self._range(v, self._slider._high))
    maximum = computed(float, lambda self: self._slider._high, lambda self, v: self._range(self._slider._low, v))
    singleStep = prop(float, "singleStep", 1.0)
    pageStep = prop(float, "pageStep", 10.0)
    orientation = computed(
        QtCore.Qt.Orientation, lambda self: self._slider.orientation, lambda self, v: self._slider.setOrientation(v)
    )

    def setRange(self, low, high):
        self._range(low, high)

    def slider(self):
        return self._slider


@stand_in(valuesChanged=["valuesChanged(double,double)"])
class ctkRangeWidget(QtWidgets.QWidget):
    valuesChanged = Signal(float, float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._low, self._high = QtWidgets.QDoubleSpinBox(), QtWidgets.QDoubleSpinBox()
        for box in (self._low, self._high):
            box.setRange(0.0, 99.0)
            box.valueChanged.connect(lambda _value: self.valuesChanged.emit(self._low.value, self._high.value))
        row(self, (self._low, 1), (self._high, 1))

    def _bound(self, setter, value):
        for box in (self._low, self._high):
            getattr(box, setter)(value)

    minimum = computed(float, lambda s: s._low.minimum, lambda s, v: s._bound("setMinimum", v))
    maximum = computed(float, lambda s: s._high.maximum, lambda s, v: s._bound("setMaximum", v))
    minimumValue = computed(float, lambda s: s._low.value, lambda s, v: s._low.setValue(v))
    maximumValue = computed(float, lambda s: s._high.value, lambda s, v: s._high.setValue(v))
    singleStep = prop(float, "singleStep", 1.0)
    decimals = computed(int, lambda s: s._low.decimals, lambda s, v: s._bound("setDecimals", v))
    suffix = computed(str, lambda s: s._low.suffix, lambda s, v: s._bound("setSuffix", v))

    def setValues(self, low, high):
        self._low.setValue(low)
        self._high.setValue(high)

    def setRange(self, low, high):
        self._bound("setMinimum", low)
        self._bound("setMaximum", high)


class _Coordinates(QtWidgets.QWidget):
    """`coordinates` is a string "1,2,3"; the signal's argument is a C pointer, useless in Python: None here."""

    coordinatesChanged = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._boxes = [QtWidgets.QDoubleSpinBox() for _ in range(3)]
        for box in self._boxes:
            box.setRange(-1e6, 1e6)
            box.valueChanged.connect(lambda _value: self.coordinatesChanged.emit(None))
        row(self, *[(box, 1) for box in self._boxes])

    def _text(self):
        return ",".join(f"{box.value:g}" for box in self._boxes)

    def _assign(self, text):
        for box, word in zip(self._boxes, text.split(","), strict=True):
            box.setValue(float(word))


@stand_in(coordinatesChanged=["coordinatesChanged(double*)"])
class ctkCoordinatesWidget(_Coordinates):
    coordinates = computed(str, _Coordinates._text, _Coordinates._assign)
    decimals = computed(int, lambda s: s._boxes[0].decimals, lambda s, v: [b.setDecimals(v) for b in s._boxes])


@stand_in(coordinatesChanged=["coordinatesChanged(double*)"])
class qMRMLCoordinatesWidget(_Coordinates, SceneObserver):
    coordinates = computed(str, _Coordinates._text, _Coordinates._assign)
    quantity = prop(str, "quantity", "")
