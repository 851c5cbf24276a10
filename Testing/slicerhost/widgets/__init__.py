"""Stand-ins for the ctk and qMRML widgets that a module's .ui names; each file holds one family."""

import sys
import types

from ..pythonqt.ui_loader import custom_widgets


def install():
    """Register the `ctk` module, and put the qMRML and qSlicer classes into `slicer`."""
    import slicer

    from . import (
        ctk_buttons,
        ctk_numbers,
        ctk_paths,
        mrml_base,
        mrml_fields,
        mrml_segments,
        mrml_selectors,
        mrml_transforms,
    )

    ctk = types.ModuleType("ctk", "the host's stand-ins for CTK's widgets")
    others = [ctk_buttons.ctkMessageBox, mrml_base.qSlicerScriptedLoadableModuleWidget]
    for cls in [*custom_widgets.values(), *others]:
        setattr(ctk if cls.__name__.startswith("ctk") else slicer, cls.__name__, cls)
    sys.modules["ctk"] = ctk
    return (ctk_numbers, ctk_paths, mrml_fields, mrml_segments, mrml_selectors, mrml_transforms)
