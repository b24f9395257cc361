"""Disclosure control, tables, figures, language and publishing."""
