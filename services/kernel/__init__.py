"""What every Eco² process shares: config, database, cache, events, RPC, errors, logs, the runner.

Services and workers may import it; it imports neither. Nameko and eventlet stop here: the
domain modules beside each ``service.py`` know nothing of them.
"""
