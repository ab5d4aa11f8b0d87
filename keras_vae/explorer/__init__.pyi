from .build import write_explorer as write_explorer
from .content import Exhibition as Exhibition
from .page import make_page as make_page
