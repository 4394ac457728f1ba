"""The chat domain: questions in one's own words, answered from the disposal rules. Owns the schema ``chat``.

The gateway calls its RPC service; it asks the recycle service.
"""
