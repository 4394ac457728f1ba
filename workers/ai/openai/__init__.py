"""The provider ``openai``: any server that speaks OpenAI's Responses or Chat Completions API.

``vision`` and ``answer`` say what is asked and what of the reply is believed; `services.kernel.openai` speaks to the
server and decides whether and how often. Nothing here knows Nameko or eventlet.
"""
