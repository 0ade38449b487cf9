"""People who are treated first and pay later, and what is asked for at the desk because of it."""
