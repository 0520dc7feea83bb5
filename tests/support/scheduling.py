"""The scheduler of `make test`; needs pytest-xdist."""

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.support.workers import rank, unit_of


class UnitScheduling(LoadScopeScheduling):
    """Gives a worker the next unit when it has two tests left."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=rank), last=False)
        super()._assign_work_unit(node)
