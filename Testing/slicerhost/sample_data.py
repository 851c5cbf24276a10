"""The `SampleData` module, as far as modules register their samples with it."""

import sys
import types
from pathlib import Path

import slicer


class SampleDataLogic:
    """Registers samples, and loads those that a module generates itself; the host never downloads."""

    sampleDataSources = {}

    @staticmethod
    def registerCustomSampleDataSource(category="Custom", sampleName=None, uris=None, fileNames=None, nodeNames=None,
                                       customDownloader=None, thumbnailFileName=None, loadFileType="VolumeFile",
                                       loadFileProperties=None, checksums=None, loadFiles=None,
                                       sampleDescription=None):  # fmt: skip
        """As in Slicer: a sample without `uris` needs a `customDownloader`, which is called with the source."""
        if not sampleName:
            raise ValueError("a sample needs a name")
        if thumbnailFileName and not Path(thumbnailFileName).is_file():
            raise ValueError(f"the sample's thumbnail {thumbnailFileName} does not exist")
        source = types.SimpleNamespace(category=category, sampleName=sampleName, uris=uris, fileNames=fileNames,
                                       nodeNames=nodeNames, customDownloader=customDownloader,
                                       thumbnailFileName=thumbnailFileName, loadFileType=loadFileType,
                                       sampleDescription=sampleDescription or sampleName)  # fmt: skip
        category_sources = SampleDataLogic.sampleDataSources.setdefault(category, [])
        category_sources[:] = [s for s in category_sources if s.sampleName != sampleName] + [source]
        slicer.modules.sampleDataSources = SampleDataLogic.sampleDataSources

    def sourceForSampleName(self, sampleName):
        sources = [s for sources in self.sampleDataSources.values() for s in sources]
        return next((s for s in sources if s.sampleName == sampleName), None)

    def downloadSamples(self, sampleName):
        """Load the sample by its custom downloader; what that returns, as a list."""
        source = self.sourceForSampleName(sampleName)
        if source is None:
            raise RuntimeError(f"no sample {sampleName!r}; there are {self.sampleDataSources}")
        if source.customDownloader is None:
            raise RuntimeError(f"the sample {sampleName!r} would be downloaded from {source.uris}")
        loaded = source.customDownloader(source)
        return loaded if isinstance(loaded, list) else [loaded]


def downloadSample(sampleName):
    return SampleDataLogic().downloadSamples(sampleName)[0]


def install():
    module = types.ModuleType("SampleData", "the host's stand-in for Slicer's module")
    module.SampleDataLogic, module.downloadSample = SampleDataLogic, downloadSample
    sys.modules["SampleData"] = module
