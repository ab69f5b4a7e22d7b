"""S3 alone under gunicorn: gunicorn --worker-class gthread --threads 16 gunicorn_app:application.

Without TLS, bodies are read from the connection's own socket, which costs about half the processor time of other hosts.
"""

import os

import engine
from engine.server import Credentials, wsgi_app

application = wsgi_app(
    engine.open(os.environ.get("PARTWRIGHT_STORE", "data")),
    credentials=Credentials.load(os.environ.get("PARTWRIGHT_CREDENTIALS", "credentials.toml")),
)
