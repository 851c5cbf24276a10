"""The MRML scene with Slicer's application logic and module logics, set up as the application does."""

from pathlib import Path

import slicer
import vtk

# slicer.modules.<name>: (name the application logic knows it by, logic class of the wheel)
LOGICS = {
    "volumes": ("Volumes", "vtkSlicerVolumesLogic"),
    "segmentations": ("Segmentations", "vtkSlicerSegmentationsModuleLogic"),
    "subjecthierarchy": ("SubjectHierarchy", "vtkSlicerSubjectHierarchyModuleLogic"),
    "transforms": ("Transforms", "vtkSlicerTransformLogic"),
    "markups": ("Markups", "vtkSlicerMarkupsLogic"),
    "models": ("Models", "vtkSlicerModelsLogic"),
    "sequences": ("Sequences", "vtkSlicerSequencesLogic"),
    "tables": ("Tables", "vtkSlicerTablesLogic"),
    "plots": ("Plots", "vtkSlicerPlotsLogic"),
    "texts": ("Texts", "vtkSlicerTextsLogic"),
    "cropvolume": ("CropVolume", "vtkSlicerCropVolumeLogic"),
    "volumerendering": ("VolumeRendering", "vtkSlicerVolumeRenderingLogic"),
    "cameras": ("Cameras", "vtkSlicerCamerasModuleLogic"),
    "units": ("Units", "vtkSlicerUnitsLogic"),
    "data": ("Data", "vtkSlicerDataModuleLogic"),
}


class SceneSetup:
    """Makes `scene`, `application_logic` and `logics` (by the names in `slicer.modules`)."""

    def __init__(self, temporary_path):
        self.scene = slicer.vtkMRMLScene()
        self.application_logic = slicer.vtkSlicerApplicationLogic()
        self.logics = {}
        slicer.mrmlScene = self.scene
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)
        self._set_up_cache(temporary_path)
        self._set_up_application_logic(temporary_path)
        self._set_up_color_logic()
        for name, (registered, class_name) in LOGICS.items():
            self._add_logic(name, registered, getattr(slicer, class_name)(), temporary_path)
        self._add_units()

    def _set_up_cache(self, temporary_path):
        """Reading a .mrb needs a data manager and a cache folder."""
        folder = Path(temporary_path) / "RemoteIO"
        folder.mkdir(exist_ok=True)
        self._cache, self._io = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
        self._cache.SetRemoteCacheDirectory(str(folder))
        self._io.SetCacheManager(self._cache)
        self.scene.SetDataIOManager(self._io)
        self.scene.SetCacheManager(self._cache)

    def _set_up_application_logic(self, temporary_path):
        crosshair = slicer.vtkMRMLCrosshairNode()
        crosshair.SetCrosshairName("default")
        self.scene.AddNode(crosshair)
        logic = self.application_logic
        logic.SetTemporaryPath(temporary_path)
        logic.SetMRMLSceneDataIO(self.scene, None, None)
        logic.SetMRMLScene(self.scene)
        logic.SetSliceLogics(vtk.vtkCollection())
        logic.SetViewLogics(vtk.vtkCollection())
        for factory in (
            slicer.vtkMRMLThreeDViewDisplayableManagerFactory,
            slicer.vtkMRMLSliceViewDisplayableManagerFactory,
        ):
            factory.GetInstance().SetMRMLApplicationLogic(logic)

    def _set_up_color_logic(self):
        """First of all logics and under this name: the others look for it."""
        logic = self.application_logic.GetColorLogic()
        logic.SetMRMLScene(self.scene)
        logic.AddDefaultColorNodes()
        self.application_logic.SetModuleLogic("Colors", logic)
        self.logics["colors"] = logic

    def _add_logic(self, name, registered, logic, temporary_path):
        if hasattr(logic, "SetModuleShareDirectory"):
            logic.SetModuleShareDirectory(temporary_path)
        self.application_logic.SetModuleLogic(registered, logic)
        logic.SetMRMLApplicationLogic(self.application_logic)
        logic.SetMRMLScene(self.scene)
        self.logics[name] = logic

    def _add_units(self):
        """Millimeters, as the application's default."""
        logic = self.logics["units"]
        unit = logic.AddUnitNode("Length", "length", "", "mm", 3, -10000, 10000)
        self.application_logic.GetSelectionNode().SetUnitNodeID("length", unit.GetID())
