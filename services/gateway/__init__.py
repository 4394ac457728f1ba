"""The HTTP edge: routes, checks of what comes in, problem+json, the progress streams.

Knows the domains by their RPC alone; holds no state that another gateway could not pick up.
"""
