"""Insurance prepayment (医保预付金): who may have it, how much, by when, and what it may pay for."""
