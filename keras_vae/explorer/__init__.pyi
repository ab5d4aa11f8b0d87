from .build import write_explorer as write_explorer
from .build import write_small_page as write_small_page
from .content import Exhibition as Exhibition
from .page import make_page as make_page
