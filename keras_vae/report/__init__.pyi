from .build import write_report as write_report
from .sheets import write_sheet as write_sheet
