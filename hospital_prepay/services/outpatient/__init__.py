"""Outpatient deposits: counted, owners found, refunded, filed, remitted, and claims that never end."""
