"""Outpatient deposits (articles 5 to 9 of Guizhou's rules): what they are, how they end, where they go."""
