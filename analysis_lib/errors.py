"""Errors that users meet: each says what was found, where, and what is allowed."""

from __future__ import annotations


class AnalysisError(Exception):
    """Base of every error raised on purpose; the command line prints it in one line and exits with `exit_code`."""

    exit_code = 1


class DefinitionError(AnalysisError):
    """A definition under `parameters/` (or a notebook parameter) is not valid."""

    exit_code = 3


class DataError(AnalysisError):
    """A register extract or a file of cases is not valid."""

    exit_code = 4


class OutputError(AnalysisError):
    """An output cannot be written."""

    exit_code = 5


class RunFailed(AnalysisError):
    """At least one run of a batch failed; the others stand."""

    exit_code = 6


class InvalidInput(AnalysisError, ValueError):
    """An argument of an array-level function is not valid; the message names the argument."""

    exit_code = 7


class NotEstimable(AnalysisError):
    """The data cannot answer the question; the message is the reason shown in place of a number."""

    exit_code = 8
