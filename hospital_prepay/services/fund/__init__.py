"""The restricted fund: insurance prepayment from application to zero."""
