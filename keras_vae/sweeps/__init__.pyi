from .ablation import ABLATION as ABLATION
from .ablation import ablate as ablate
from .grid import Combination as Combination
from .grid import combinations as combinations
from .grid import sweep as sweep
from .grid import sweep_table as sweep_table
from .seeds import differ_by_seed as differ_by_seed
from .seeds import spread_over_seeds as spread_over_seeds
