"""How Eco² comes to run: on one machine (``local``) and on its cluster.

Called by ``tasks.py`` alone. It starts services and workers as processes and imports none of their code.
"""
