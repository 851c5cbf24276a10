"""What is chosen in the present scene, read and put together: example X-ray, range, picture of it, readiness."""

import json

from slicer.i18n import tr as _

from XVRCommonLib.volumes import rigidFromTransform
from XVRCommonLib.xrays import editsOf, optionsOf, readerOf
from xvrcore.errors import InputError

from .command_line import Order
from .curves import Curves
from .job_start import NO_NAME, jobFolder
from .subject import SubjectSource

UNREAD = object()


class Session:
    """``onChange()`` is called when something has been computed.

    ``reading`` is what was read of the X-ray (:class:`XVRCommonLib.xrays.Reading`), ``example`` the core's X-ray, or
    a blank one of the typed geometry; ``picture`` is a PNG of views drawn from ``poseRange``. Each is None while
    unknown; the problems say why.
    """

    def __init__(self, parameters, worker, onChange):
        self.p, self.worker, self.onChange = parameters, worker, onChange
        self.reading = self.example = self.poseRange = self.subject = self.picture = None
        self.xrayProblem = self.volumeProblem = self.rangeProblem = ""
        self.closed = False
        self.curves = Curves(parameters)
        self._subjects, self._source, self._drawn = SubjectSource(), UNREAD, None

    def close(self):
        self.closed = True

    def inputsChanged(self):
        """Take over what the parameters say."""
        self._takeVolume()
        source = self._xrayState()
        if source != self._source:
            self._source = source
            self._readXray()
        self._takeRange()

    # ------------------------------------------------------------ volume

    def _takeVolume(self):
        self.subject, self.volumeProblem = None, ""
        if self.p.ct is None:
            return
        try:
            self.subject = self._subjects.subject(self.p)
        except InputError as error:
            self.volumeProblem = str(error)

    # ------------------------------------------------------------ X-ray

    @property
    def hasXray(self):
        return self.p.xraySource is not None or str(self.p.xrayFile) not in ("", ".")

    def _xrayState(self):
        node = self.p.xraySource
        return node.GetID() if node is not None else str(self.p.xrayFile), self.p.edits, self.p.rows, self.p.cols

    def _readXray(self):
        self.reading = self.example = None
        self.xrayProblem = ""
        if not self.hasXray:
            self._takeTypedGeometry()
            return
        try:
            read = readerOf(self.p.xraySource, self.p.xrayFile, 0, self.p.edits)
        except InputError as error:
            self.xrayProblem = str(error)
            return
        self.xrayProblem = _("Reading the X-ray…")
        source = self._source
        self.worker.request("read", read, lambda reading, error: self._onRead(source, reading, error))

    def _onRead(self, source, reading, error):
        if self.closed or source != self._source:
            return
        self.reading, self.xrayProblem = reading, "" if error is None else str(error)
        if reading is not None and reading.radiograph is not None:
            self.example = reading.radiograph.readings[0]
        self._takeRange()
        self.onChange()

    def _takeTypedGeometry(self):
        from xvrcore.xray_io import blank_xray

        options = optionsOf(self.p.edits)
        if options.sdd_mm is None or options.pixel_spacing_mm is None or not self.p.rows or not self.p.cols:
            return
        try:
            self.example = blank_xray(options, self.p.rows, self.p.cols)
        except InputError as error:
            self.xrayProblem = str(error)

    def edit(self, **stated):
        """Outrank the X-ray's values, or say them where there is none; ``None`` forgets what was stated."""
        from dataclasses import replace

        try:
            self.p.edits = editsOf(replace(optionsOf(self.p.edits), **stated))
        except InputError as error:
            self.xrayProblem = str(error)

    # ------------------------------------------------------------ range

    def _takeRange(self):
        self.poseRange, self.rangeProblem = None, ""
        if self.example is None:
            return
        from xvrcore.networks.ranges import range_for

        try:
            stated = {name: tuple(interval) for name, interval in json.loads(self.p.intervals).items()}
            self.poseRange = range_for(self.example, self.p.anatomy.name, self.p.view.coreName, **stated)
        except InputError as error:
            self.rangeProblem = str(error)
        self._draw()

    def state(self, name, interval):
        """Outrank the preset's interval."""
        self.p.intervals = json.dumps({**json.loads(self.p.intervals), name: list(interval)})

    def _draw(self):
        """Have views of the range drawn, unless they are what is shown already."""
        subject, poseRange = self.subject, self.poseRange
        wanted = None if subject is None or poseRange is None else (subject, poseRange, self.example.intrinsics)
        if wanted == self._drawn:
            return
        self._drawn, self.picture = wanted, None
        if wanted is None:
            return
        intrinsics = self.example.intrinsics

        def draw():
            from xvrcore.networks.preview import contact_sheet, sampled_views

            views = sampled_views(subject.projector(), poseRange, subject.volume.center_ras, intrinsics)
            return contact_sheet(views)

        self.worker.request("views", draw, lambda picture, error: self._onDrawn(wanted, picture, error))

    def _onDrawn(self, wanted, picture, error):
        if self.closed or wanted != self._drawn:
            return
        self.picture, self.volumeProblem = picture, "" if error is None else str(error)
        self.onChange()

    # ------------------------------------------------------------ a job of it

    def cannotStart(self):
        """Why not, in words; empty when all is there."""
        from xvrcore.jobs import JobFolder

        if self.p.ct is None:
            return _("Choose a CT or MR volume.")
        if self.volumeProblem:
            return self.volumeProblem
        if self.example is None:
            return self.xrayProblem or (_("The X-ray does not state all of its geometry; type what is missing.")
                                        if self.hasXray else _("Choose an example X-ray, or type the detector's "
                                                               "distance, pixel spacing and size."))
        if self.poseRange is None:
            return self.rangeProblem
        if self.p.startNetwork.name and not self.p.startNetwork.is_file():
            return _("{path} is not there any more; choose another network to start from.").format(
                path=self.p.startNetwork)
        if NO_NAME.search(self.p.name.strip()):
            return _("A folder cannot be named {name}; use letters, digits, - and _.").format(name=self.p.name)
        folder = jobFolder(self.p)
        if JobFolder(folder).config.exists():
            return _("There is a job {name} already; choose another name.").format(name=folder.name)
        return ""

    def order(self):
        """What is to be trained.

        :raises InputError: the transform to the volume of an earlier network is not rigid.
        """
        p = self.p
        start = p.startNetwork if p.startNetwork.name else None
        template = rigidFromTransform(p.templateTransform) if start and p.templateTransform else None
        return Order(self.subject.volume.quantity, self.example.intrinsics, self.poseRange, start, template,
                     p.profile.name, p.minutes, p.iterations, p.threads, p.seed)
