"""Asking a model behind OpenAI's API: what the AI worker and the chat service share.

``protocol`` asks one question for one structured reply, ``turns`` one turn of a talk, with tools and a streamed text;
``calls`` decides whether and how often (limits, budget, breaker, retries) and ``client`` puts it together from the
configuration. Through Redis all processes share one budget and one limiter. ``claims`` reads what a text says.
"""
