"""Simulate a register around a trial, with a truth that is known.

The time T from entry to lasting self-support has among the controls the survival function S0(t) = exp(-H0(t)), H0 the
Weibull's (t / b)^k, and in an arm exp(-H(t)), H the integral of H0's hazard times that arm's constants: exactly,
although covariates matter. Employability z = x'g + noise has the mixture distribution F over the cells of the
covariates, U = F(z) is uniform, and T solves S(T) = U. A person carries a code in week j of the spell (j = 0, 1, ...)
when T > j, as DREAM counts a week with one day on benefit: without gaps and other exits there are ceil(T) weeks on
benefit.

Covariates are independent of the date of birth, so that nothing but the arm differs between people born on different
days. After T a person stays self-supporting, unless the model has returns. All draws are made before anyone is put in
an arm, so that both potential outcomes of each person are known.

    model, parts, activities, consistency   the `simulation` block of a trial's file, and what it may not say
    known                                   what an extract may hold
    people, latent                          who there is, and all draws about them
    hazards, weekly, contacts               when things happen; everybody's weeks in an arm; meetings and offers
    spillover, spillover_draw               people elsewhere and of before the trial, whom it cannot have touched
    analytic, averages, series              what is true: exactly, of these people, of a weekly share
    draw                                    the whole
"""

from analysis_lib.register.simulation.draw import SimulatedRegister, simulate_register
from analysis_lib.register.simulation.model import SimulationModel

__all__ = ["SimulatedRegister", "SimulationModel", "simulate_register"]
