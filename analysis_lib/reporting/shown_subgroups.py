"""What pages show of groups chosen beforehand: the tests first, then the groups."""

from __future__ import annotations

from analysis_lib.reporting import plots
from analysis_lib.reporting.language import Labels, Translator
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.tables import effects_table, significance_table
from analysis_lib.results import Results
from analysis_lib.trials.definition import Trial


def show_subgroups(trial: Trial, found: Results, translator: Translator, labels: Labels) -> Shown:
    """Show the test of every division, and the primary outcome's effect in each group.

    Parameters
    ----------
    trial
        Whose plan names the divisions, and the people that a group must have.
    found
        What `estimate_subgroups` returned, after disclosure control.
    translator, labels
        The language, and what the ids are called.
    """
    t = translator.t
    if not trial.subgroups:
        return paragraphs(t("No subgroups were specified beforehand."))
    rows = Results(found.estimates)
    caption = t("Do the groups differ?")
    shown: list[object] = [significance_table(found, translator, labels, caption=caption, explained=True)]
    if any(row.estimated for row in rows.estimates):
        shown.append(plots.figure(plots.effects(rows, translator=translator, labels=labels)))
    few = t(
        "That the interval of one group leaves out no effect, and that of another does not, is no difference: the "
        "test says whether there is one. A group with fewer than {n} people in an arm has no number, and is not "
        "tested.",
        n=trial.inference.min_per_arm,
    )
    caption = t("Effect on the primary outcome by group")
    return together(*shown, paragraphs(few), effects_table(rows, translator, labels, caption=caption))
