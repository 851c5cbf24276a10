"""`slicer.app.coreIOManager()`: what slicer.util's load and save functions call, on the wheel's storage nodes."""

from pathlib import Path

import slicer

FILE_TYPES = {
    "SequenceFile": (".seq.nrrd", ".seq.nhdr", ".seq.mha", ".seq.mrb"),
    "SegmentationFile": (".seg.nrrd", ".seg.nhdr", ".seg.vtm"),
    "SceneFile": (".mrb", ".mrml"),
    "MarkupsFile": (".mrk.json", ".fcsv"),
    "VolumeFile": (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".dcm", ".tif", ".tiff", ".png", ".jpg"),
    "TransformFile": (".h5", ".tfm"),
    "ModelFile": (".vtk", ".vtp", ".stl", ".obj", ".ply"),
    "TableFile": (".csv", ".tsv"),
    "TextFile": (".txt", ".json"),
}
NODE_AND_STORAGE = {
    "SegmentationFile": ("vtkMRMLSegmentationNode", "vtkMRMLSegmentationStorageNode"),
    "ModelFile": ("vtkMRMLModelNode", "vtkMRMLModelStorageNode"),
    "TableFile": ("vtkMRMLTableNode", "vtkMRMLTableStorageNode"),
    "TextFile": ("vtkMRMLTextNode", "vtkMRMLTextStorageNode"),
    "MarkupsFile": ("vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsJsonStorageNode"),
    "SequenceFile": ("vtkMRMLSequenceNode", "vtkMRMLVolumeSequenceStorageNode"),
}


class CoreIOManager:
    """Loads and saves by file type; returns False, as Slicer does, for what cannot be read or written."""

    def fileType(self, path):
        name = str(path).lower()
        return next((kind for kind, ends in FILE_TYPES.items() if name.endswith(ends)), "NoFile")

    def loadNodes(self, file_type, properties, loaded=None, messages=None):
        path = properties["fileName"]
        if not isinstance(path, str):
            raise TypeError(f"fileName has to be a str, not {path!r}")
        if not Path(path).exists():
            return False
        if file_type == "SceneFile":
            return self._load_scene(path, properties.get("clear", False), messages)
        node = self._load_node(file_type, path, properties)
        if node is None:
            return False
        if loaded is not None:
            loaded.AddItem(node)
        return True

    def _load_scene(self, path, clear, messages):
        if path.endswith(".mrb"):
            return bool(slicer.mrmlScene.ReadFromMRB(path, clear, messages))
        slicer.mrmlScene.SetURL(path)
        return bool(slicer.mrmlScene.Connect() if clear else slicer.mrmlScene.Import())

    def _load_node(self, file_type, path, properties):
        name = properties.get("name") or Path(path).name.split(".")[0]
        if file_type == "VolumeFile":
            options = (1 if properties.get("labelmap") else 0) | (4 if properties.get("singleFile") else 0)
            return slicer.modules.volumes.logic().AddArchetypeVolume(path, name, options)
        if file_type == "TransformFile":
            node = self._read("vtkMRMLLinearTransformNode", "vtkMRMLTransformStorageNode", path, name)
            return node or self._read("vtkMRMLTransformNode", "vtkMRMLTransformStorageNode", path, name)
        if file_type not in NODE_AND_STORAGE:
            return None
        node = self._read(*NODE_AND_STORAGE[file_type], path, name)
        if file_type == "SequenceFile" and node is not None:
            browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{name} browser")
            browser.SetAndObserveMasterSequenceNodeID(node.GetID())
        return node

    def _read(self, node_class, storage_class, path, name):
        scene = slicer.mrmlScene
        node = scene.AddNewNodeByClass(node_class, scene.GenerateUniqueName(name))
        storage = scene.AddNewNodeByClass(storage_class)
        storage.SetFileName(path)
        if not storage.ReadData(node):
            scene.RemoveNode(storage)
            scene.RemoveNode(node)
            return None
        node.SetAndObserveStorageNodeID(storage.GetID())
        if hasattr(node, "CreateDefaultDisplayNodes"):
            node.CreateDefaultDisplayNodes()
        return node

    def fileWriterFileType(self, node, _path=""):
        return node.GetClassName()

    def saveNodes(self, file_type, properties, messages=None):
        path, scene = str(properties["fileName"]), slicer.mrmlScene
        if file_type == "SceneFile":
            if path.endswith(".mrb"):
                return bool(scene.WriteToMRB(path, None, messages))
            if path.endswith(".mrml"):
                scene.SetURL(path)
                return bool(scene.Commit())
            Path(path).mkdir(parents=True, exist_ok=True)
            return bool(scene.SaveSceneToSlicerDataBundleDirectory(path, None, messages))
        node = scene.GetNodeByID(properties["nodeID"])
        node.AddDefaultStorageNode(path)
        node.GetStorageNode().SetFileName(path)
        return bool(node.GetStorageNode().WriteData(node))
