"""The location domain: where to bring what does not go into the bin at home. Owns the schema ``location``.

The gateway calls its RPC service.
"""
