"""`slicer.dicomDatabase`: the instances a test adds."""

import pydicom


class DICOMDatabase:
    """Maps SOP instance UIDs to files, as `slicer.dicomDatabase` does for imported studies."""

    isOpen = True

    def __init__(self):
        self._files = {}

    def insert(self, path):
        """Add a DICOM file (its path, str or Path) and return its SOP instance UID."""
        uid = str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
        self._files[uid] = str(path)
        return uid

    def clear(self):
        self._files.clear()

    def fileForInstance(self, uid):
        return self._files.get(uid, "")

    def instanceForFile(self, path):
        return next((uid for uid, file in self._files.items() if file == path), "")

    def fileValue(self, path, tag):
        """The element's value as text; `tag` as "0028,0030"."""
        group, element = (int(part, 16) for part in tag.split(","))
        value = pydicom.dcmread(path, stop_before_pixels=True).get((group, element))
        if value is None:
            return ""
        return "\\".join(map(str, value.value)) if value.VM > 1 else str(value.value)

    def instanceValue(self, uid, tag):
        return self.fileValue(self._files[uid], tag) if uid in self._files else ""
