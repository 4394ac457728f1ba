"""The recycle domain: what a thing is in Korean waste terms and how it is thrown away.

The gateway calls its RPC service; ``services.recycle.knowledge`` inside it is a plain library with no broker
or database, which the chat service and the AI worker may import directly.
"""
