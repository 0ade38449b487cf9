"""Pure decisions and values: no I/O, no framework, no clock."""
