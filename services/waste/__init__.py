"""Scans: from a photo to disposal advice. Owns the schema ``waste``.

Called by the gateway through RPC; hears the workers' events. Nobody imports it.
"""
