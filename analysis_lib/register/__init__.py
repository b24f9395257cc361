"""Who is in the data: columns declared once, reading, DREAM codes to states, simulation.

weeks            ISO weeks as integers, labels and DREAM column names
jobcentres       municipalities, regions and jobcentres by year (`parameters/jobcentres.yml`)
codes            DREAM codes to states (`parameters/dream_codes.yml`)
schema           the columns of an extract, declared once; the data dictionary
tables           a table held against its declaration
extract          an extract's folder, read and written
states           weeks in a state, first runs and inflow on the matrix of codes
simulation_model what a simulated register is like (a trial's `simulation` block)
simulation_draws the people and what happens to each in either arm
simulation       the simulated register and its truth
"""

from analysis_lib.register.codes import CodeList, read_codes
from analysis_lib.register.extract import Extract, read_extract, read_truth, write_extract
from analysis_lib.register.jobcentres import Jobcentres, read_jobcentres
from analysis_lib.register.schema import data_dictionary
from analysis_lib.register.simulation import SimulatedRegister, SimulationModel, simulate_register
from analysis_lib.register.states import first_run, inflow, weeks_in_state

__all__ = [
    "CodeList",
    "Extract",
    "Jobcentres",
    "SimulatedRegister",
    "SimulationModel",
    "data_dictionary",
    "first_run",
    "inflow",
    "read_codes",
    "read_extract",
    "read_jobcentres",
    "read_truth",
    "simulate_register",
    "weeks_in_state",
    "write_extract",
]
