"""Panel, 5: how the watched job goes: state, time left, curves, pictures, the end of its log."""

import slicer
from slicer.i18n import tr as _

from XVRCommonLib.colors import BAD, BUSY, DOUBTFUL, GOOD, showColored
from xvrcore.training.files import SAMPLES, VIEWS

from .curves import plotView, removePlotView
from .jobs_section import STATES
from .picture import showPicture

COLORS = {"running": BUSY, "stopping": BUSY, "finished": GOOD, "stopped": DOUBTFUL, "failed": BAD, "died": BAD,
          "new": DOUBTFUL}
BEGINNING = ("starting", "loading", "preparing")
PLOT_HEIGHT = 250


class ProgressSection:
    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        self._plotView, self._shown = None, {}
        self.plot = slicer.qMRMLPlotWidget()
        self.plot.setMRMLScene(slicer.mrmlScene)
        self.plot.setMinimumHeight(PLOT_HEIGHT)
        ui.progressSection.layout().insertWidget(3, self.plot)

    def update(self, session):
        folder, progress = self.panel.watch.folder, self.panel.watch.progress
        state = progress.state if progress is not None else None
        self.ui.progressBar.visible = state is not None
        self.ui.logEdit.visible = state is not None and bool(progress.log)
        self.plot.visible = state is not None and session.p.chart is not None
        if state is None:
            showColored(self.ui.stateLabel, _("Choose a job to watch it.") if folder is None else
                        _("There is no job in {folder}.").format(folder=folder) if progress.looked else
                        _("Looking at {folder}…").format(folder=folder))
            self._showWords(self.ui.etaLabel, "")
            self._showPictures(folder, {}, [])
            return
        self._showState(state)
        self._showProgress(state, progress.latest)
        self._showCurves(session, progress)
        self._showPictures(folder, progress.pictures, progress.validation)
        if self.ui.logEdit.toPlainText() != progress.log:
            self.ui.logEdit.setPlainText(progress.log)
            bar = self.ui.logEdit.verticalScrollBar()
            bar.value = bar.maximum

    def _showCurves(self, session, progress):
        session.curves.show(progress)
        if session.p.chart is not None:
            view = plotView(session.p.chart)
            if view is not self._plotView:
                self._plotView = view
                self.plot.setMRMLPlotViewNode(view)

    def close(self):
        """Let go of the scene's plot view."""
        self.plot.setMRMLPlotViewNode(None)
        removePlotView()

    def _showState(self, state):
        words = f"{state.path.name}: {STATES[state.phase]}"
        if state.message and not state.is_live:     # what a worker says is in its log, and changes by the second
            words = f"{words}. {state.message}"
        showColored(self.ui.stateLabel, words, COLORS[state.phase])

    def _showProgress(self, state, latest):
        if state.phase == "finished":
            self.ui.progressBar.value = 1000
        elif latest.get("fraction") is not None:
            self.ui.progressBar.value = round(1000 * latest["fraction"])
        elif not state.is_live or latest.get("phase") in BEGINNING:
            self.ui.progressBar.value = 0
        self._showWords(self.ui.etaLabel, _inWords(latest) if state.is_live else "")

    def _showPictures(self, folder, pictures, validation):
        """The job's pictures, read again when they have changed."""
        self._showPicture(self.ui.samplesPicture, folder, SAMPLES, pictures)
        self._showWords(self.ui.samplesCaption, "" if SAMPLES not in pictures or not validation else _(
            "Unseen X-rays after {iteration} iterations: above, the X-ray, with the network's error; below, the volume "
            "from where the network says; at the bottom both, gray where they agree.").format(
            iteration=validation[-1][0]))
        self._showPicture(self.ui.taughtPicture, folder, VIEWS, pictures)
        self._showWords(self.ui.taughtCaption, _("What it is taught: views as training draws them.")
                        if VIEWS in pictures else "")

    def _showWords(self, label, words):
        label.text = words
        label.visible = bool(words)

    def _showPicture(self, label, folder, name, pictures):
        version = folder, pictures.get(name)
        if version != self._shown.get(name):
            self._shown[name] = version
            showPicture(label, folder / name if name in pictures else None)


def _inWords(last):
    """How far a worker is, in a line."""
    words = [last.get("phase", "")]
    if last.get("iteration") is not None:
        words.append(_("{done} of {total}").format(done=last["iteration"], total=last["total"])
                     if last.get("total") else str(last["iteration"]))
    if last.get("eta_s") is not None:
        words.append(_("{time} left").format(time=_duration(last["eta_s"])))
    if last.get("samples_per_s") is not None:
        words.append(_("{rate:.0f} X-rays/s").format(rate=last["samples_per_s"]))
    if last.get("memory_mb") is not None:
        words.append(_("{memory:.0f} MB").format(memory=last["memory_mb"]))
    return ", ".join(words)


def _duration(seconds):
    minutes = seconds / 60
    return _("{seconds:.0f} s").format(seconds=seconds) if minutes < 1.5 else \
        _("{minutes:.0f} min").format(minutes=minutes) if minutes < 90 else \
        _("{hours:.1f} h").format(hours=minutes / 60)
