"""`@parameterNodeWrapper`, with Slicer's caching: a wrapper held over a scene load reads None for nodes."""

import weakref

import slicer
import vtk

from .connectors import Connector
from .packs import split_name
from .serializers import Default, declared_parameters, split_annotations

SlicerParameterNamePropertyName = "SlicerParameterName"


class _Cached:
    """One parameter's value, read again when the node says it was modified, and only then."""

    def __init__(self, parameter, node):
        self.parameter, self.node, self.writing = parameter, node, False
        if not parameter.serializer.is_in(node, parameter.name):
            parameter.serializer.write(node, parameter.name, parameter.default)
        self.value = self._read()
        weak = weakref.ref(self)  # the node must not keep the wrapper alive
        self.tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: weak()._on_modified())

    def __del__(self):
        self.node.RemoveObserver(self.tag)

    def _read(self):
        if not self.parameter.serializer.is_in(self.node, self.parameter.name):
            self.parameter.serializer.write(self.node, self.parameter.name, self.parameter.default)
        return self.parameter.serializer.read(self.node, self.parameter.name)

    def _on_modified(self):
        if not self.writing:
            self.value = self._read()

    def write(self, value):
        self.writing = True
        try:
            with slicer.util.NodeModify(self.node):
                self.parameter.serializer.write(self.node, self.parameter.name, value)
                self.value = self._read()
        finally:
            self.writing = False


class ParameterNodeWrapper:
    """What the decorator adds to the class; see `parameterNodeWrapper`."""

    allParameters = {}

    def __init__(self, parameterNode):
        self.parameterNode = parameterNode
        self._guis, self._next_tag, self._updating = {}, 0, False
        self._cached = {name: _Cached(p, parameterNode) for name, p in self.allParameters.items()}

    def default(self, name):
        self._check(name)
        return Default(self.allParameters[name].default)

    @classmethod
    def _check(cls, name):
        top, rest = split_name(name)
        if top not in cls.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {top}; there are {list(cls.allParameters)}")
        if rest is not None:
            split_annotations(cls.allParameters[top].hint)[0].dataType(rest)

    @classmethod
    def dataType(cls, name):
        """The annotated type of a parameter or a pack's member."""
        cls._check(name)
        top, rest = split_name(name)
        hint = cls.allParameters[top].hint
        return hint if rest is None else split_annotations(hint)[0].dataType(rest)

    def isCached(self, name):
        self._check(name)
        return True

    def getValue(self, name):
        self._check(name)
        top, rest = split_name(name)
        value = self._cached[top].value
        return value if rest is None else value.getValue(rest)

    def setValue(self, name, value):
        self._check(name)
        top, rest = split_name(name)
        if rest is None:
            self._cached[top].write(value)
        else:
            self._cached[top].value.setValue(rest, value)

    def connectGui(self, gui):
        """Bind all widgets with a SlicerParameterName: of a widget tree, or of `childWidgetVariables`."""
        import qt

        is_widget = hasattr(gui, "isWidgetType")
        widgets = gui.findChildren(qt.QWidget) if is_widget else vars(gui).values()
        named = {w.property(SlicerParameterNamePropertyName): w for w in widgets}
        return self.connectParametersToGui({name: w for name, w in named.items() if name})

    def connectParametersToGui(self, mapping):
        for name in mapping:
            self._check(name)
        connectors = {name: Connector(widget, self.dataType(name)) for name, widget in mapping.items()}
        tag, self._next_tag = self._next_tag, self._next_tag + 1
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.start(self._gui_callback(name, connector))
        observer = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._update_gui())
        self._guis[tag] = (connectors, observer)
        return tag

    def disconnectGui(self, tag):
        connectors, observer = self._guis.pop(tag, ({}, None))
        for connector in connectors.values():
            connector.stop()
        if observer is not None:
            self.parameterNode.RemoveObserver(observer)

    def _gui_callback(self, name, connector):
        def changed():
            with slicer.util.NodeModify(self):
                if not self._updating:
                    self.setValue(name, connector.read())

        return changed

    def _update_gui(self):
        if self._updating:
            return
        self._updating = True
        try:
            for connectors, _observer in self._guis.values():
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
        finally:
            self._updating = False

    def StartModify(self):
        return self.parameterNode.StartModify()

    def EndModify(self, was_modified):
        return self.parameterNode.EndModify(was_modified)

    def Modified(self):
        self.parameterNode.Modified()

    def AddObserver(self, event, callback, priority=0.0):
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        self.parameterNode.RemoveObserver(tag)


def _attribute(name):
    return property(lambda self: self._cached[name].value, lambda self, value: self._cached[name].write(value))


def parameterNodeWrapper(cls=None):
    """Class decorator: each annotated name becomes a typed attribute stored in the parameter node."""
    if cls is None:
        return parameterNodeWrapper
    parameters = declared_parameters(cls)
    reserved = sorted(name for name in parameters if hasattr(ParameterNodeWrapper, name))
    if reserved:
        raise ValueError(f"Cannot use reserved names {reserved} in a parameterNodeWrapper")
    own = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__") and k not in parameters}
    members = {**own, **{name: _attribute(name) for name in parameters}, "allParameters": parameters}
    return type(cls.__name__, (ParameterNodeWrapper,), members)


def isParameterNodeWrapper(obj):
    return isinstance(obj, ParameterNodeWrapper) or (isinstance(obj, type) and issubclass(obj, ParameterNodeWrapper))


def findChildWidgetForParameter(widget, name):
    """The child widget bound to the parameter, or None."""
    import qt

    children = widget.findChildren(qt.QWidget)
    return next((w for w in children if w.property(SlicerParameterNamePropertyName) == name), None)
