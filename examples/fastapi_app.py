"""S3 beside the routes of a FastAPI application: uvicorn --no-access-log fastapi_app:app.

S3 clients sign the whole path, so S3 is mounted at the root, behind the application's own routes. uvicorn's access log would show
queries, and so the signatures of presigned URLs; `access_log=AccessLog()` of `engine.server.access` writes one without them.
"""

import os

from fastapi import FastAPI

import engine
from engine.server import Credentials, asgi_app

store = engine.open(os.environ.get("PARTWRIGHT_STORE", "data"))
credentials = Credentials.load(os.environ.get("PARTWRIGHT_CREDENTIALS", "credentials.toml"))
app = FastAPI()


@app.get("/app/held")
def held() -> dict[str, int]:
    """What open uploads hold just now."""
    found = store.stat()
    return {"open_uploads": found.open_uploads, "open_bytes": found.open_bytes}


app.mount("/", asgi_app(store, credentials=credentials))
