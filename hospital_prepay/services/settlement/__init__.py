"""Discharge settlement: the clocks, the board, the feeds, settling, arrears and hardship."""
