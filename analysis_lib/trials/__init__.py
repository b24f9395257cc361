"""Trial definitions, design, outcomes, effects and durations."""
