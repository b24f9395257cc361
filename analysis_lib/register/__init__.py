"""Who is in the data: columns declared once, reading, DREAM codes to states, simulation.

weeks            ISO weeks as integers, labels and DREAM column names
jobcentres       municipalities, regions and jobcentres by year (`parameters/jobcentres.yml`)
codes            DREAM codes to states (`parameters/dream_codes.yml`)
schema           what a declared column is: how its cells are read, what is allowed
declarations     the columns of a register, declared once; the data dictionary
sources          source files (CSV, Parquet, SAS), read chunk by chunk
importing        source files to an extract
layout           the files of an extract
extract          an extract, read whole or only the people asked for
extract_writing  an extract, written whole or not at all
quality          what an extract holds, and its faults
spells           runs of one code: the form in which weeks are stored
states           weeks in a state, first runs, inflow and shares, on runs or on the matrix of codes
questions, runs  what those functions are asked, put in order; the arithmetic on runs
simulation       a simulated register and its truth, from a trial's `simulation` block
"""

from analysis_lib.register.codes import CodeList, read_codes
from analysis_lib.register.declarations import data_dictionary
from analysis_lib.register.extract import Extract, read_extract, read_truth
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.jobcentres import Jobcentres, read_jobcentres
from analysis_lib.register.simulation import SimulatedRegister, SimulationModel, simulate_register
from analysis_lib.register.spells import Spells, spells_from_weeks, weeks_from_spells
from analysis_lib.register.states import first_run, inflow, state_shares, weeks_in_state

__all__ = [
    "CodeList",
    "Extract",
    "Jobcentres",
    "SimulatedRegister",
    "SimulationModel",
    "Spells",
    "data_dictionary",
    "first_run",
    "inflow",
    "read_codes",
    "read_extract",
    "read_jobcentres",
    "read_truth",
    "simulate_register",
    "spells_from_weeks",
    "state_shares",
    "weeks_from_spells",
    "weeks_in_state",
    "write_extract",
]
