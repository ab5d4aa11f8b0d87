from .config import ExplorationConfig as ExplorationConfig
from .exploration import exploration_tables as exploration_tables
from .exploration import explore as explore
