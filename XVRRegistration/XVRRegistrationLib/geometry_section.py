"""Panel, 2: the X-ray's geometry, each value with where it came from."""

from slicer.i18n import tr as _

from XVRCommonLib.colors import MISSING_STYLE
from XVRCommonLib.enabling import enable

SOURCES = {"dicom": _("header"), "sidecar": _("sidecar"), "user": _("edited"), "derived": _("derived"),
           "image": _("image"), "assumed": _("assumed")}
FLIPS, POLARITIES = (None, False, True), (None, 1, -1)
"""What the entries of the two combo boxes stand for, in xvrcore's options."""

FIELDS = {"sdd": "sdd_mm", "rowSpacing": "pixel_spacing_mm", "columnSpacing": "pixel_spacing_mm",
          "principalU": "principal_point_px", "principalV": "principal_point_px", "flip": "flip",
          "polarity": "polarity", "primary": "primary_deg", "secondary": "secondary_deg",
          "isocenter": "source_isocenter_mm"}
"""Widgets' names to the core's option."""
PAIRED = {"rowSpacing": 0, "columnSpacing": 1, "principalU": 0, "principalV": 1}


class GeometrySection:
    """Values that the user types become edits of the session; the rest shows what was read."""

    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        self._updating = False
        for name in FIELDS:
            if name in ("flip", "polarity"):
                getattr(ui, f"{name}Combo").connect("currentIndexChanged(int)", self._slotOf(name))
            else:
                getattr(ui, f"{name}Box").connect("valueChanged(double)", self._slotOf(name))
        ui.frameBox.connect("valueChanged(int)", self._onFrame)
        ui.headerValuesButton.connect("clicked()", self._onHeaderValues)

    def _slotOf(self, name):
        return lambda value: self._onEdited(name)

    def _onEdited(self, name):
        session = self.panel.session
        if self._updating or session is None or session.reading is None:
            return
        option = FIELDS[name]
        if name == "flip":
            value = FLIPS[self.ui.flipCombo.currentIndex]
        elif name == "polarity":
            value = POLARITIES[self.ui.polarityCombo.currentIndex]
        elif name in PAIRED:
            value = self._pair(option)
        else:
            value = float(getattr(self.ui, f"{name}Box").value)
        session.edit(**{option: value})

    def _pair(self, option):
        """Both values of a pair; one typed alone stands for both where the other is still unknown (spacing)."""
        first, second = (float(getattr(self.ui, f"{name}Box").value) for name in PAIRED if FIELDS[name] == option)
        if option == "pixel_spacing_mm":
            first, second = first or second, second or first
        return first, second

    def _onFrame(self, frame):
        if not self._updating and self.panel.parameters is not None:
            self.panel.parameters.frame = int(frame)

    def _onHeaderValues(self):
        self.panel.parameters.edits = "{}"

    # ------------------------------------------------------------ showing

    def update(self, session):
        reading = session.reading
        self.ui.geometrySection.enabled = reading is not None
        if reading is None:
            self.ui.geometryStatus.text = session.problem or _("No X-ray yet.")
            return
        self._updating = True
        for name, option in FIELDS.items():
            self._show(name, reading.facts.get(option), option in reading.missing)
        self._showRefined(session, reading)
        count = max(reading.frames, session.frames.count)
        self.ui.frameBox.maximum = count - 1
        self.ui.frameBox.value = session.p.frame
        self._updating = False
        busy = _("A registration is under way.") if session.worker.busy else ""
        enable(self.ui.frameBox, busy or ("" if count > 1 else _("The X-ray has one frame.")))
        typed = session.p.edits != "{}"
        enable(self.ui.headerValuesButton, "" if typed else _("Nothing was typed over the X-ray's values."))
        self._showState(session, reading)

    def _show(self, name, origin, missing):
        tag = getattr(self.ui, f"{name}Origin")
        tag.text = _("missing") if missing else SOURCES[origin.source] if origin is not None else _("unknown")
        tag.toolTip = origin.detail if origin is not None else ""
        tag.styleSheet = MISSING_STYLE if missing else ""
        if name in ("flip", "polarity"):
            choices = FLIPS if name == "flip" else POLARITIES
            stated = origin is not None and origin.source == "user"
            getattr(self.ui, f"{name}Combo").currentIndex = choices.index(origin.value) if stated else 0
            if origin is not None and not stated:
                tag.text = self._found(name, origin)
            return
        box = getattr(self.ui, f"{name}Box")
        value = 0.0 if origin is None else origin.value[PAIRED[name]] if name in PAIRED else origin.value
        box.value = float(value)

    def _showRefined(self, session, reading):
        """What a registration has let move: the values that the scene's X-ray has now."""
        intrinsics = session.xray.intrinsics()
        if intrinsics is None or reading.missing:
            return
        now = {"sdd": intrinsics.sdd_mm, "principalU": intrinsics.principal_point_px[0],
               "principalV": intrinsics.principal_point_px[1]}
        for name, value in now.items():
            box = getattr(self.ui, f"{name}Box")
            if abs(box.value - value) > 10 ** -box.decimals:
                box.value = float(value)
                getattr(self.ui, f"{name}Origin").text = _("refined")

    def _found(self, name, origin):
        combo = getattr(self.ui, f"{name}Combo")
        choices = FLIPS if name == "flip" else POLARITIES
        words = combo.itemText(choices.index(origin.value))
        if origin.source == "assumed":
            return _("{value}? (both are tried)").format(value=words)
        return _("{value} ({source})").format(value=words, source=SOURCES[origin.source])

    def _showState(self, session, reading):
        intrinsics = session.xray.intrinsics()
        known = reading.radiograph is not None and intrinsics is not None
        self.ui.sizeLabel.text = _("{cols} columns x {rows} rows").format(
            cols=intrinsics.cols, rows=intrinsics.rows) if known else ""
        if reading.missing:
            state = _("The file does not state all: type the highlighted values.")
        elif session.problem:
            state = session.problem
        else:
            field = reading.facts["field"]
            state = _("Complete. Field: {kind} ({detail}).").format(kind=field.value, detail=field.detail)
        self.ui.geometryStatus.text = "\n".join(filter(None, (reading.remark(), state)))
