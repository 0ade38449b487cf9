"""Entry point for WSGI servers."""

from hospital_prepay.app import create_app

app = create_app()
