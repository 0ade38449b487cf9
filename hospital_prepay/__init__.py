"""Hospital prepayment funds: deposits, caps and the restricted insurance-prepayment ledger."""

__version__ = "0.1.0"
