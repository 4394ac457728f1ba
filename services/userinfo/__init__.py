"""The userinfo domain: profiles, and what a user has scanned and earned. Owns the schema ``userinfo``.

The gateway calls its RPC service; it hears ``user_registered`` of auth and ``scan_completed`` of waste.
"""
