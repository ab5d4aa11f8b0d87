from .build import page_facts as page_facts
from .build import write_report as write_report
from .inputs import read_inputs as read_inputs
from .sheets import write_sheet as write_sheet
