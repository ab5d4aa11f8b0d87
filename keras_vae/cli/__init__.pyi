from .program import main as main
from .program import run_script as run_script
