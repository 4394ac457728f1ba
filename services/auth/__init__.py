"""The auth domain: accounts, sign-in here and elsewhere, sessions, tokens, letters. Owns the schema ``auth``.

The gateway calls its RPC service; everybody may hear its events ``user_registered`` and ``user_deleted``.
"""
