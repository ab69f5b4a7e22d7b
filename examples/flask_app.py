"""S3 beside the routes of a Flask application: gunicorn --worker-class gthread --threads 16 flask_app:application.

S3 clients sign the whole path, so S3 is served at the root, and Flask below `/app`, which then is no bucket's name.
"""

import os

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import engine
from engine.server import Credentials, wsgi_app

store = engine.open(os.environ.get("PARTWRIGHT_STORE", "data"))
credentials = Credentials.load(os.environ.get("PARTWRIGHT_CREDENTIALS", "credentials.toml"))
app = Flask(__name__)


@app.get("/held")
def held() -> dict[str, int]:
    """What open uploads hold just now."""
    found = store.stat()
    return {"open_uploads": found.open_uploads, "open_bytes": found.open_bytes}


application = DispatcherMiddleware(wsgi_app(store, credentials=credentials), {"/app": app})
