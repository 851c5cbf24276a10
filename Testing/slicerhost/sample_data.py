"""The `SampleData` module, as far as modules register their samples with it."""

import sys
import types
from pathlib import Path

import slicer


class SampleDataLogic:
    """Registers samples; the host never downloads."""

    sampleDataSources = {}

    @staticmethod
    def registerCustomSampleDataSource(category="Custom", sampleName=None, uris=None, fileNames=None, nodeNames=None,
                                       customDownloader=None, thumbnailFileName=None, loadFileTypes=None,
                                       loadFiles=None, loadFileProperties=None, checksums=None,
                                       loadFileType=None):  # fmt: skip
        """As in Slicer, whose button shows the sample's name and no description.

        A sample with empty lists of `uris` and `fileNames` needs a `customDownloader`, which the button calls with
        the source.
        """
        if not sampleName:
            raise ValueError("a sample needs a name")
        if isinstance(uris, str):
            uris, fileNames = [uris], [fileNames]
        if len(uris) != len(fileNames):  # a TypeError for None, in Slicer too
            raise ValueError("uris and fileNames must have the same length")
        if thumbnailFileName and not Path(thumbnailFileName).is_file():
            raise ValueError(f"the sample's thumbnail {thumbnailFileName} does not exist")
        source = types.SimpleNamespace(sampleName=sampleName, uris=uris, customDownloader=customDownloader)
        category_sources = SampleDataLogic.sampleDataSources.setdefault(category, [])
        category_sources[:] = [s for s in category_sources if s.sampleName != sampleName] + [source]
        slicer.modules.sampleDataSources = SampleDataLogic.sampleDataSources

    def sourceForSampleName(self, sampleName):
        sources = [s for sources in self.sampleDataSources.values() for s in sources]
        return next((s for s in sources if s.sampleName == sampleName), None)

    def downloadSamples(self, sampleName):
        """Fails: in Slicer it downloads, and knows no custom downloaders."""
        raise RuntimeError(f"{sampleName!r} would be downloaded; what a module makes itself, its button makes")


def press_button(sample_name):
    """What the sample's button in the panel of Sample Data does; returns what the custom downloader does."""
    source = SampleDataLogic().sourceForSampleName(sample_name)
    if source is None or source.customDownloader is None:
        raise RuntimeError(f"no button makes {sample_name!r}; there are {SampleDataLogic.sampleDataSources}")
    return source.customDownloader(source)


def install():
    module = types.ModuleType("SampleData", "the host's stand-in for Slicer's module")
    module.SampleDataLogic = SampleDataLogic
    sys.modules["SampleData"] = module
