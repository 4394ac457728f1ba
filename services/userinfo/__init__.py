"""The userinfo domain: profiles, settings, and what a user has scanned, earned and collected. Owns ``userinfo``.

The gateway calls its RPC service; it hears ``user_registered`` and ``user_deleted`` of auth, ``scan_completed`` and
``scan_deleted`` of waste, and of the storage worker that an avatar is stored.
"""
