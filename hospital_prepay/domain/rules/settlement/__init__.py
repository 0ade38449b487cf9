"""Discharge settlement: articles 19–21 and 25 of ``guizhou-deposit-2025``."""
