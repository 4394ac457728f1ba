"""The provider ``openai``: any server that speaks OpenAI's Responses or Chat Completions API.

``protocol`` speaks to the server, ``calls`` decides whether and how often (limits, budget, breaker, retries),
``vision`` and ``answer`` say what is asked and what of the reply is believed. Nothing here knows Nameko or eventlet.
"""
