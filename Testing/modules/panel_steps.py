"""What a user does with XVRRegistration's panel, for several tests."""

from slicerhost import testing as user

READ_S, REGISTERED_S = 60, 120
CHOICES = ("QPushButton", "QToolButton", "QCheckBox", "QSpinBox", "QDoubleSpinBox", "ctkSliderWidget")
"""Classes of the widgets with which a user chooses."""


def choose_inputs(panel, ct, xray):
    """Choose a CT of the scene and drop an X-ray file; wait until both are shown."""
    user.select_node(panel.ui.ctSelector, ct)
    assert user.drop_files(panel.inputsSection.dropArea, xray)
    wait_for_drr(panel)


def wait_for_drr(panel):
    user.wait_until(lambda: panel.session.reading is not None and panel.session.reading.radiograph is not None,
                    READ_S, "the X-ray is read")
    user.wait_until(lambda: panel.parameters.drr and panel.parameters.drr.GetImageData() is not None, READ_S,
                    "the DRR is drawn")
    settle(panel)


def settle(panel):
    """Wait until nothing is being computed, and the panel shows it."""
    session = panel.session
    user.wait_until(lambda: not session.worker.busy and session.worker.idle and not session.carm.resting
                    and not panel._updateTimer.active, READ_S, "all is computed")


def register(panel):
    """Click Register and wait for the result."""
    user.click(panel.ui.registerButton)
    user.wait_until(lambda: not panel.session.worker.busy, REGISTERED_S, "registered")
    settle(panel)
    return panel.session.registering.result


def open_section(section):
    if section.collapsed:
        user.click(section)


def silent(panel):
    """Names of the widgets that cannot be used and do not say why."""
    return [name for name, widget in vars(panel.ui).items() if type(widget).__name__ in CHOICES
            and not widget.enabled and not widget.toolTip]
