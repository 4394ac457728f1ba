"""The Nameko services of Eco²: one folder a domain, each with a thin ``service.py`` and its logic beside it.

A domain never imports another domain: it calls its RPC or hears its event. The one exception is read-only
reference data that is plain Python, such as ``services.recycle.knowledge``.
"""
