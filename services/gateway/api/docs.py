"""The document of the API, and Swagger UI to read and try it."""

from importlib.resources import files

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from services.gateway import openapi
from services.gateway.call import Call
from services.gateway.route import HTML, Media, Route
from services.kernel.errors import NotFound

UI = files("swagger_ui") / "static"
FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
KEPT_S = 86_400
START = "start.js"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Eco² API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
SCRIPT = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true});\n'
PAGE_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


def root(call: Call) -> Response:
    return redirect("/docs", 302)


def page(call: Call) -> Response:
    return Response(PAGE, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": PAGE_POLICY})


def document(call: Call) -> Response:
    server = str(call.settings.gateway.public_url).rstrip("/")
    return Response(openapi.as_text(call.services.edge.routes, server), content_type="application/json")


def part(call: Call, file: str) -> Response:
    headers = {"Cache-Control": f"public, max-age={KEPT_S}"}
    if file == START:
        return Response(SCRIPT, content_type="text/javascript; charset=utf-8", headers=headers)
    if file not in FILES:
        raise NotFound("file_not_found", "There is no such file.")
    return Response((UI / file).read_bytes(), content_type=FILES[file], headers=headers)


ROUTES = (
    Route("GET", "/", root, "To the documentation", answer=HTML, status=302, private=True),
    Route("GET", "/docs", page, "The documentation, to read and to try", answer=HTML, private=True),
    Route("GET", "/docs/<file>", part, "A file of the documentation", answer=Media("*/*"), private=True),
    Route("GET", "/openapi.json", document, "This document", answer=Media("application/json")),
)
