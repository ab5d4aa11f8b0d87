from .ablation import ABLATION as ABLATION
from .ablation import ablate as ablate
from .seeds import differ_by_seed as differ_by_seed
from .seeds import spread_over_seeds as spread_over_seeds
