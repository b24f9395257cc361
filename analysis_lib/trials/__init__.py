"""Trials: definition and cases, functions of arrays by topic, and `evaluation`, which carries out the plan."""
