from .clusters import PROBE_POINTS as PROBE_POINTS
from .clusters import SILHOUETTE_POINTS as SILHOUETTE_POINTS
from .clusters import TRUSTED_NEIGHBOURS as TRUSTED_NEIGHBOURS
from .clusters import TRUSTED_POINTS as TRUSTED_POINTS
from .config import FORMAT as FORMAT
from .config import ExplorationConfig as ExplorationConfig
from .exploration import exploration_tables as exploration_tables
from .exploration import explore as explore
