"""The auth domain: accounts, sign-in, access and refresh tokens. Owns the schema ``auth``.

The gateway calls its RPC service; everybody may hear its event ``user_registered``.
"""
